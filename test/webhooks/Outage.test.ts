import { assert, it } from "@effect/vitest"
import { Effect, Logger } from "effect"
import { TestClock } from "effect/testing"
import { makeOutageLog } from "../../src/webhooks/Outage.ts"

const URL = "https://app.example.com/webhooks"

/** Runs a program, and answers the level and the message of each line that it logged. */
const logged = Effect.fnUntraced(function* (program: Effect.Effect<void>) {
  const lines: Array<string> = []
  const logger = Logger.make<unknown, void>(
    ({ logLevel, message }) => void lines.push(`${logLevel} ${message}`)
  )
  yield* Effect.provide(program, Logger.layer([logger]))
  return lines
})

const FAILS = `Warn Webhooks to ${URL} fail: 500. They are tried again for three days, and then kept as dead letters`
const OVER = `Info Webhooks to ${URL} are delivered again`

it.effect(
  "an outage of a receiver is logged when it begins and when it ends, however many attempts fail",
  () =>
    Effect.gen(function* () {
      const { failed, succeeded } = makeOutageLog(URL)
      const outage = Effect.gen(function* () {
        yield* succeeded
        for (const reason of ["500", "ECONNREFUSED", "no answer in time"]) yield* failed(reason)
        yield* TestClock.adjust("1 minute")
        yield* succeeded
        yield* succeeded
      })
      assert.deepEqual(yield* logged(outage), [FAILS, OVER])
      assert.deepEqual(yield* logged(outage), [FAILS, OVER])
    })
)

it.effect(
  "an outage is over when nothing failed for a minute: conversations that fail and others that succeed are one",
  () =>
    Effect.gen(function* () {
      const { failed, succeeded } = makeOutageLog(URL)
      const mixed = Effect.gen(function* () {
        for (let i = 0; i < 5; i++) {
          yield* failed("500")
          yield* TestClock.adjust("59 seconds")
          yield* succeeded
        }
      })
      assert.deepEqual(yield* logged(mixed), [FAILS])
      yield* TestClock.adjust("1 second")
      assert.deepEqual(yield* logged(succeeded), [OVER])
    })
)
