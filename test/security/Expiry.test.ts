import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import type { Credential } from "../../src/domain/Caller.ts"
import { InboxReader } from "../../src/inbox/InboxReader.ts"
import { Heartbeat } from "../../src/realtime/Heartbeat.ts"
import { fakeConnection } from "../realtime/support/FakeConnection.ts"

const LEEWAY = 30

const until = (expiresAt: number | undefined): Credential => ({ caller: { _tag: "Anyone" }, expiresAt })

/** A connection that the heartbeat watches, with the code that it was closed with. */
const watched = Effect.fnUntraced(function* (expiresAt: number | undefined) {
  const { connection, webSocket } = yield* fakeConnection()
  webSocket.answersPings = true
  connection.renew(until(expiresAt))
  const { watch } = yield* Heartbeat
  watch(connection)
  return { connection, closedWith: () => webSocket.closedWith?.code }
})

const services = Layer.merge(Heartbeat.layer, Layer.mock(InboxReader, {}))

describe("a socket", () => {
  it.effect("is closed with 4001 within five seconds after its token expired and the leeway passed", () =>
    Effect.gen(function* () {
      const { closedWith } = yield* watched(60)
      yield* TestClock.adjust(`${60 + LEEWAY} seconds`)
      assert.isUndefined(closedWith())
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(closedWith(), 4001)
    }).pipe(Effect.provide(services))
  )

  it.effect("stays open past the expiry of a token that was renewed", () =>
    Effect.gen(function* () {
      const { connection, closedWith } = yield* watched(60)
      yield* TestClock.adjust("59 seconds")
      connection.renew(until(3600))
      yield* TestClock.adjust(`${3600 + LEEWAY - 59} seconds`)
      assert.isUndefined(closedWith())
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(closedWith(), 4001)
    }).pipe(Effect.provide(services))
  )

  it.effect("stays open with a token that does not expire", () =>
    Effect.gen(function* () {
      const { closedWith } = yield* watched(undefined)
      yield* TestClock.adjust("1 hour")
      assert.isUndefined(closedWith())
    }).pipe(Effect.provide(services))
  )
})
