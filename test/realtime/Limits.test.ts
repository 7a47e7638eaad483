import { assert, describe, it, layer } from "@effect/vitest"
import { Context, Effect } from "effect"
import { ConnectionRegistry } from "../../src/realtime/ConnectionRegistry.ts"
import { startServer } from "../support/TestServer.ts"
import { ChatServer, chatOn, hasSharedServices, sharedServices } from "./support/ChatServer.ts"
import { eventually } from "./support/Eventually.ts"

layer(ChatServer.layer({ maxSocketsPerUser: 2, maxSockets: 3 }), { excludeTestServices: true })(
  "the number of sockets",
  (it) => {
    const untilOpen = (sockets: number) =>
      Effect.flatMap(ChatServer, ({ server }) =>
        eventually(Context.get(server.services, ConnectionRegistry).size, (size) => size === sockets)
      )

    it.effect("of one user is limited, and those beyond it are closed with 4009", () =>
      Effect.gen(function* () {
        yield* untilOpen(0)
        const { newUser, connect } = yield* ChatServer
        const user = yield* newUser
        const first = yield* connect(user)
        const second = yield* connect(user)
        yield* Effect.all([first.expect("system"), second.expect("system")])

        const third = yield* connect(user)
        assert.deepStrictEqual(yield* third.closed, { code: 4009, reason: "Too many sockets" })
        assert.isEmpty(yield* third.arrived)

        first.socket.terminate()
        yield* untilOpen(1)
        yield* (yield* connect(user)).expect("system")
      })
    )

    it.effect("of a node is limited, and those beyond it are to connect again: 1013", () =>
      Effect.gen(function* () {
        yield* untilOpen(0)
        const { newUser, connect } = yield* ChatServer
        for (const _ of [1, 2, 3]) yield* (yield* connect(yield* newUser)).expect("system")

        const fourth = yield* connect(yield* newUser)
        assert.strictEqual((yield* fourth.closed).code, 1013)
        yield* untilOpen(3)
      })
    )
  }
)

describe.runIf(hasSharedServices)("the number of sockets of one user", () => {
  it.live("is limited on all nodes together", () =>
    Effect.gen(function* () {
      const settings = { ...(yield* sharedServices), maxSocketsPerUser: 3 }
      const [one, other] = yield* Effect.all([startServer(settings), startServer(settings)])
      const { newUser, connect: connectOne } = yield* chatOn(one)
      const { connect: connectOther } = yield* chatOn(other)
      const user = yield* newUser
      const sockets = [yield* connectOne(user), yield* connectOne(user), yield* connectOther(user)]
      for (const { expect } of sockets) yield* expect("system")

      for (const connect of [connectOne, connectOther]) {
        assert.strictEqual((yield* (yield* connect(user)).closed).code, 4009)
      }
    })
  )
})
