import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { InboxReader } from "../../src/inbox/InboxReader.ts"
import { Heartbeat } from "../../src/realtime/Heartbeat.ts"
import { fakeConnection } from "./support/FakeConnection.ts"

layer(Layer.merge(Heartbeat.layer, Layer.mock(InboxReader, {})))("the heartbeat", (it) => {
  const watched = Effect.gen(function* () {
    const { watch } = yield* Heartbeat
    const fake = yield* fakeConnection()
    // From a tick on, so that its seconds are those of the clock.
    yield* TestClock.adjust("1 second")
    watch(fake.connection)
    return fake
  })

  it.effect("pings a peer every 25 seconds, and keeps one that answers", () =>
    Effect.gen(function* () {
      const { webSocket } = yield* watched
      for (let pings = 0; pings < 20; pings++) {
        yield* TestClock.adjust("24 seconds")
        assert.strictEqual(webSocket.pings, pings)
        yield* TestClock.adjust("1 second")
        assert.strictEqual(webSocket.pings, pings + 1)
        webSocket.pongs++
      }
      assert.isFalse(webSocket.isTerminated)
    })
  )

  it.effect("cuts a peer that never answers, 35 seconds after it was last heard of", () =>
    Effect.gen(function* () {
      for (let phase = 0; phase < 26; phase++) {
        yield* TestClock.adjust("900 millis")
        const { webSocket } = yield* watched
        yield* TestClock.adjust("30 seconds")
        assert.isFalse(webSocket.isTerminated)
        yield* TestClock.adjust("5 seconds")
        assert.isTrue(webSocket.isTerminated)
      }
    })
  )

  it.effect("cuts a peer that stops answering", () =>
    Effect.gen(function* () {
      const { webSocket } = yield* watched
      yield* TestClock.adjust("25 seconds")
      webSocket.pongs++
      yield* TestClock.adjust("30 seconds")
      assert.isFalse(webSocket.isTerminated)
      yield* TestClock.adjust("5 seconds")
      assert.isTrue(webSocket.isTerminated)
    })
  )

  const holdUps = {
    "does not read": (fake: Effect.Success<typeof watched>, isHeldUp: boolean) => {
      Object.defineProperty(fake.webSocket, "isStalled", { value: isHeldUp, configurable: true })
    },
    "this node does not read": (fake: Effect.Success<typeof watched>, isHeldUp: boolean) => {
      fake.webSocket.isPaused = isHeldUp
    }
  }
  for (const [what, hold] of Object.entries(holdUps)) {
    it.effect(`leaves alone a peer that ${what}, and gives it its time to answer afterwards`, () =>
      Effect.gen(function* () {
        const fake = yield* watched
        const { webSocket } = fake
        yield* TestClock.adjust("25 seconds")
        assert.strictEqual(webSocket.pings, 1)

        hold(fake, true)
        yield* TestClock.adjust("60 seconds")
        hold(fake, false)
        yield* TestClock.adjust("30 seconds")
        assert.isFalse(webSocket.isTerminated)
        assert.strictEqual(webSocket.pings, 2)
        yield* TestClock.adjust("5 seconds")
        assert.isTrue(webSocket.isTerminated)
      })
    )
  }

  it.effect("does nothing to a socket that is closed", () =>
    Effect.gen(function* () {
      const { webSocket } = yield* watched
      webSocket.isClosed = true
      yield* TestClock.adjust("60 seconds")
      assert.strictEqual(webSocket.pings, 0)
      assert.isFalse(webSocket.isTerminated)
    })
  )
})
