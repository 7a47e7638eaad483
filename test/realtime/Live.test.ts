import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { freshDataDir } from "../support/Services.ts"
import { startServer, typedClient } from "../support/TestServer.ts"
import { openSocket } from "../support/TestSocket.ts"

it.live("a posted message reaches every socket of its receiver once", () =>
  Effect.gen(function* () {
    const server = yield* startServer(yield* freshDataDir)
    const client = yield* typedClient(server)
    const alice = yield* client.users.create({ payload: { username: "alice" } })
    const bob = yield* client.users.create({ payload: { username: "bob" } })
    const sockets = yield* Effect.replicateEffect(openSocket(`${server.webSocketUrl}/ws/${bob.id}`), 2)
    yield* Effect.forEach(sockets, ({ nextOf }) => nextOf("system"))

    const sent = yield* client.messages.send({
      payload: { sender_id: alice.id, receiver_id: bob.id, content: "hello" }
    })

    assert.isTrue(sent.delivered_via_websocket)
    for (const { next, arrived } of sockets) {
      const frame = yield* next
      assert.include(frame, {
        type: "message",
        seq: 1,
        id: sent.id,
        content: "hello",
        sender_username: "alice"
      })
      assert.isEmpty(yield* arrived)
    }
  })
)
