import { assert, it } from "@effect/vitest"
import { Effect, Logger } from "effect"
import { SqlError } from "effect/sql"
import { TestClock } from "effect/testing"
import { makeLog } from "../../src/database/StatementErrors.ts"

const broken = new SqlError.SqlError({
  reason: new SqlError.ConnectionError({
    cause: new Error("no route"),
    message: "no route",
    operation: "query"
  })
})

it.effect("an error is logged once until it is over, also in the first minute of the machine", () =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    const logger = Logger.make<unknown, void>(({ message }) => void lines.push(String(message)))
    const log = makeLog()
    yield* Effect.gen(function* () {
      yield* log(broken)
      yield* TestClock.adjust("59 seconds")
      yield* log(broken)
      assert.lengthOf(lines, 1)
      yield* TestClock.adjust("1 minute")
      yield* log(broken)
      assert.lengthOf(lines, 2)
    }).pipe(Effect.provide(Logger.layer([logger])))
  })
)
