import { assert, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Layer } from "effect"
import { Gate } from "../../src/access/Gate.ts"
import { Drafts } from "../../src/chat/Drafts.ts"
import { Reads } from "../../src/chat/Reads.ts"
import { Sends } from "../../src/chat/Sends.ts"
import { Typing } from "../../src/chat/Typing.ts"
import { Watches } from "../../src/chat/Watches.ts"
import { RateLimited } from "../../src/domain/Caller.ts"
import { UserId } from "../../src/domain/User.ts"
import { InboxReader } from "../../src/inbox/InboxReader.ts"
import * as Receiver from "../../src/realtime/Receiver.ts"
import { fakeConnection } from "./support/FakeConnection.ts"

/** What no frame of these tests asks for, but sends to users, which are drafts as they are. */
const others = Layer.mergeAll(
  Layer.mock(Sends, {}),
  Layer.mock(Drafts, {}),
  Layer.mock(Reads, {}),
  Layer.mock(Typing, {}),
  Layer.mock(Watches, {})
)

const services = Layer.mergeAll(
  others,
  Layer.mock(Gate, { isOpen: true, framesOf: () => undefined, permitSend: () => Effect.void }),
  Layer.mock(InboxReader, {})
)

it.effect("a peer that does not read misses a pong and a complaint, and no answer to a send", () =>
  Effect.gen(function* () {
    const receive = yield* Receiver.make
    const { connection, webSocket, tcp } = yield* fakeConnection()
    tcp.writableLength = 64 * 1024 + 1

    webSocket.incoming.push(
      { type: "ping" },
      { type: "shout" },
      { type: "send", content: "", client_id: "c1" }
    )

    const receiving = yield* receive(connection).pipe(Effect.forkChild({ startImmediately: true }))
    assert.isTrue(webSocket.isStalled)
    assert.isEmpty(webSocket.frames)
    tcp.drain()
    yield* Fiber.join(receiving)

    assert.lengthOf(webSocket.frames, 1)
    assert.include(JSON.parse(webSocket.frames[0]!), { type: "error", code: "invalid", client_id: "c1" })
  }).pipe(Effect.provide(services))
)

it.effect("each send is decided by the latest token of its socket", () => {
  const member = { _tag: "Member", userId: UserId.make(1) } as const
  const senders: Array<string> = []
  const gate = Layer.mock(Gate, {
    isOpen: false,
    framesOf: () => undefined,
    renewSocket: () => Effect.succeed({ caller: member, expiresAt: 60 }),
    permitSend: ({ _tag }) =>
      Effect.suspend(() => {
        senders.push(_tag)
        return Effect.fail(new RateLimited({ retryAfter: Duration.seconds(1) }))
      })
  })
  return Effect.gen(function* () {
    const receive = yield* Receiver.make
    const { connection, webSocket } = yield* fakeConnection()
    const send = { type: "send", receiver_id: 2, content: "hi" }
    webSocket.incoming.push(send, { type: "auth", token: "a new one" }, send)
    yield* receive(connection)
    assert.deepStrictEqual(senders, ["Anyone", "Member"])
    assert.deepStrictEqual(connection.credential, { caller: member, expiresAt: 60 })
    assert.lengthOf(webSocket.frames, 2)
  }).pipe(Effect.provide(Layer.mergeAll(others, gate, Layer.mock(InboxReader, {}))))
})
