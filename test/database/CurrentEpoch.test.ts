import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { Database } from "../../src/database/Database.ts"
import { embeddedRepos, postgresRepos } from "../repo/Repos.ts"
import { databaseUrl } from "../support/Services.ts"

/** Runs in a transaction of one connection, and takes back what it did. */
const rolledBack = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const { sends: sql } = yield* Database
  return yield* Effect.flatMap(effect, (value) => Effect.fail({ _tag: "RolledBack" as const, value })).pipe(
    sql.withTransaction,
    Effect.catchIf(
      (error): error is { readonly _tag: "RolledBack"; readonly value: A } =>
        typeof error === "object" && error !== null && "_tag" in error && error._tag === "RolledBack",
      ({ value }) => Effect.succeed(value)
    )
  )
})

const read = Effect.gen(function* () {
  const { sends: sql, currentEpoch } = yield* Database
  const [row] = yield* sql<{ readonly epoch: string }>`SELECT ${currentEpoch} AS epoch`
  return row!.epoch
})

const tests = (repos: typeof embeddedRepos) => () =>
  layer(repos, { excludeTestServices: true })("current_epoch", (it) => {
    it.effect("is the same when the session lost what it keeps, and for another session", () =>
      Effect.gen(function* () {
        const { sends: sql, pipeline, currentEpoch } = yield* Database
        const { before, after } = yield* rolledBack(
          Effect.gen(function* () {
            const before = [yield* read, yield* read]
            yield* sql`SELECT set_config('minichat.server', '', true), set_config('minichat.database', '', true)`
            return { before, after: yield* read }
          })
        )
        const [other] = yield* pipeline<{ readonly epoch: string }>`SELECT ${currentEpoch} AS epoch`

        assert.deepEqual(new Set([...before, after]), new Set([other!.epoch]))
      })
    )

    it.effect("changes under a session that lives on, when the generation or the place of its row does", () =>
      Effect.gen(function* () {
        const { sends: sql } = yield* Database
        const epochs = yield* rolledBack(
          Effect.gen(function* () {
            const before = yield* read
            yield* sql`UPDATE deployment SET generation = generation + 1`
            const raised = yield* read
            yield* sql`CREATE TABLE restored (LIKE deployment INCLUDING ALL)`
            yield* sql`INSERT INTO restored SELECT * FROM deployment`
            yield* sql`DROP TABLE deployment`
            yield* sql`ALTER TABLE restored RENAME TO deployment`
            return [before, raised, yield* read]
          })
        )

        assert.strictEqual(new Set(epochs).size, 3)
      })
    )

    it.effect("of a user who may not read the server's identifier changes at once when it may", () =>
      Effect.gen(function* () {
        const { sends: sql } = yield* Database
        const { full, without, granted } = yield* rolledBack(
          Effect.gen(function* () {
            const full = yield* read
            yield* sql`CREATE ROLE minichat_restricted`
            yield* sql`GRANT SELECT ON deployment TO minichat_restricted`
            const [current] = yield* sql<{ readonly schema: string }>`SELECT current_schema() AS schema`
            yield* sql`GRANT USAGE ON SCHEMA ${sql(current!.schema)} TO minichat_restricted`
            yield* sql`REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC`
            yield* sql`SET LOCAL ROLE minichat_restricted`
            const without = [yield* read, yield* read]
            yield* sql`RESET ROLE`
            yield* sql`GRANT EXECUTE ON FUNCTION pg_control_system() TO minichat_restricted`
            yield* sql`SET LOCAL ROLE minichat_restricted`
            return { full, without, granted: yield* read }
          })
        )

        assert.strictEqual(without[0], without[1])
        assert.notStrictEqual(without[0], full)
        assert.strictEqual(granted, full)
      })
    )
  })

describe("on the embedded database", tests(embeddedRepos))

describe.runIf(databaseUrl !== undefined)("on PostgreSQL", tests(postgresRepos))
