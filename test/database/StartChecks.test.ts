import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Option, Redacted } from "effect"
import { Database } from "../../src/database/Database.ts"
import { reposOn } from "../repo/Repos.ts"
import { databaseUrl, databaseWith, freshUser } from "../support/Services.ts"

describe.runIf(databaseUrl !== undefined)("a start on a database", () => {
  it.live("that is not encoded in UTF8 is refused in a line that says how to make one", () =>
    Effect.gen(function* () {
      const settings = yield* databaseWith(
        "TEMPLATE template0 ENCODING SQL_ASCII LC_COLLATE 'C' LC_CTYPE 'C'"
      )
      const error = yield* Effect.flip(Layer.build(reposOn(settings)))
      assert.strictEqual(error._tag, "DatabaseStartError")
      assert.match(error.message, /DATABASE_URL.*SQL_ASCII.*--encoding=UTF8/)
      assert.notInclude(error.message, "\n")
    })
  )

  it.live("in which its user may make no tables is refused in a line that says which right is missing", () =>
    Effect.gen(function* () {
      const user = yield* freshUser
      const fresh = yield* databaseWith("")
      const url = new URL(Redacted.value(Option.getOrThrow(fresh.databaseUrl)))
      url.username = user
      const settings = { databaseUrl: Option.some(Redacted.make(url.href)) }
      const error = yield* Effect.flip(Layer.build(reposOn(settings)))
      assert.strictEqual(error._tag, "DatabaseStartError")
      assert.include(error.message, `GRANT CREATE ON SCHEMA public TO ${user}`)
    })
  )

  it.live("whose transactions are serializable by default sets its own isolation, and compiles nothing", () =>
    Effect.gen(function* () {
      const settings = yield* databaseWith("", [
        "ALTER DATABASE $name SET default_transaction_isolation = 'serializable'",
        "ALTER DATABASE $name SET jit = on"
      ])
      const { pipeline, sends, searches } = Context.get(yield* Layer.build(reposOn(settings)), Database)
      for (const sql of [pipeline, sends, searches]) {
        assert.deepEqual(
          yield* sql`
            SELECT current_setting('transaction_isolation') AS isolation, current_setting('jit') AS jit`,
          [{ isolation: "read committed", jit: "off" }]
        )
      }
    })
  )
})
