import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { CloseCode } from "../../src/api/CloseCode.ts"
import { connect } from "../../src/client/Client.ts"
import { Refusal } from "../../src/client/Refusal.ts"
import { memoryStorage } from "../../src/client/Storage.ts"
import { Seq } from "../../src/domain/Event.ts"
import { UserId } from "../../src/domain/User.ts"
import { type ScriptedSocket, scriptedServer } from "./support/ScriptedServer.ts"

const client = Effect.fnUntraced(function* (url: string) {
  const chat = yield* Effect.promise(() => connect({ url, userId: 1, storage: memoryStorage() }))
  yield* Effect.addFinalizer(() => Effect.promise(() => chat.disconnect()))
  const events = chat.events()
  return { chat, events, next: Effect.promise(() => events.next()) }
})

const blocked = (seq: number) =>
  ({ type: "block", seq: Seq.make(seq), blocked_id: UserId.make(7), blocked: true }) as const

const tell = (socket: ScriptedSocket, ...seqs: ReadonlyArray<number>) =>
  Effect.forEach(seqs, (seq) => socket.send(blocked(seq)), { discard: true })

describe("the events that an application reads", () => {
  it.live(
    "end with the reason once the server closes the client for good, after those that came before",
    () =>
      Effect.gen(function* () {
        const server = yield* scriptedServer
        const { chat, events, next } = yield* client(server.url)
        const socket = yield* server.socket
        yield* tell(socket, 1, 2)
        yield* socket.close(CloseCode.forbidden.code, "The user is suspended")
        assert.deepEqual([(yield* next).value, (yield* next).value], [blocked(1), blocked(2)])
        for (const read of [events, chat.events()]) {
          const error = yield* Effect.promise(() =>
            read.next().then(
              () => undefined,
              (cause: unknown) => cause
            )
          )
          assert.instanceOf(error, Refusal)
          assert.deepInclude(
            { ...error, message: error.message },
            { code: "forbidden", message: "The user is suspended" }
          )
        }
      })
  )

  it.live("end when the application disconnects: what it has not taken comes again in the next process", () =>
    Effect.gen(function* () {
      const server = yield* scriptedServer
      const { chat, events, next } = yield* client(server.url)
      yield* tell(yield* server.socket, 1, 2)
      yield* next
      const waiting = chat.events()
      const first = waiting.next()
      yield* Effect.promise(() => chat.disconnect())
      for (const end of [events.next(), first, waiting.next(), chat.events().next()])
        assert.deepEqual(yield* Effect.promise(() => end), { done: true, value: undefined })
    })
  )

  it.live("come once each, also when one was missing or came again", () =>
    Effect.gen(function* () {
      const server = yield* scriptedServer
      const { chat, next } = yield* client(server.url)
      yield* tell(yield* server.socket, 1, 1, 3)
      const socket = yield* server.socket
      yield* tell(socket, 2, 3, 4)
      const taken = yield* Effect.replicateEffect(next, 4)
      assert.deepEqual(
        taken.map(({ value }) => value),
        [1, 2, 3, 4].map(blocked)
      )
      assert.strictEqual(chat.state.sync.cursor, 4)
    })
  )

  it.live("have a gap where the server cannot replay them", () =>
    Effect.gen(function* () {
      const server = yield* scriptedServer
      const { next } = yield* client(server.url)
      const socket = yield* server.socket
      yield* tell(socket, 1)
      assert.deepEqual((yield* next).value, blocked(1))
      yield* server.greetWith({ cursor: Seq.make(7), recovered: false })
      yield* socket.close(CloseCode.restarting.code, "The server restarts")
      yield* tell(yield* server.socket, 8)
      assert.deepEqual([(yield* next).value, (yield* next).value], [{ type: "gap", seq: 7 }, blocked(8)])
    })
  )
})
