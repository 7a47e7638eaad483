import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { RateLimits } from "../../src/access/RateLimits.ts"
import { Tokens } from "../../src/access/Tokens.ts"
import { Sends } from "../../src/chat/Sends.ts"
import { InboxReader } from "../../src/inbox/InboxReader.ts"
import * as Receiver from "../../src/realtime/Receiver.ts"
import { fakeConnection } from "./support/FakeConnection.ts"

const services = Layer.mergeAll(
  Layer.mock(Sends, {}),
  Layer.mock(Tokens, {}),
  RateLimits.layerOff,
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
    assert.isTrue(connection.stalled)
    assert.isEmpty(webSocket.frames)
    tcp.drain()
    yield* Fiber.join(receiving)

    assert.lengthOf(webSocket.frames, 1)
    assert.include(JSON.parse(webSocket.frames[0]!), { type: "error", code: "invalid", client_id: "c1" })
  }).pipe(Effect.provide(services))
)
