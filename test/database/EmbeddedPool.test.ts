import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { Database } from "../../src/database/Database.ts"
import { MessageRepo } from "../../src/repo/MessageRepo.ts"
import type { UserRepo } from "../../src/repo/UserRepo.ts"
import { draft, newPair, reposOn } from "../repo/Repos.ts"
import { freshEmbedded } from "../support/EmbeddedPool.ts"

/** What a database of the pool is, in the eyes of the next server that gets it. */
const state = Effect.fnUntraced(function* ({ pipeline: sql }: Database["Service"]) {
  const tables = yield* sql<{ readonly name: string }>`
    SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname`
  const rows = yield* Effect.forEach(tables, ({ name }) =>
    Effect.map(
      sql<{ readonly rows: string | null }>`SELECT json_agg(t)::text AS rows FROM ${sql(name)} t`,
      ([found]) => [name, found!.rows] as const
    )
  )
  const [definitions] = yield* sql<{
    readonly functions: string
    readonly sequences: string
    readonly settings: string
  }>`SELECT
    (SELECT md5(string_agg(pg_get_functiondef(oid), ',' ORDER BY oid)) FROM pg_proc
      WHERE pronamespace = 'public'::regnamespace AND prokind = 'f') AS functions,
    (SELECT json_agg(s ORDER BY sequencename)::text FROM pg_sequences s) AS sequences,
    current_setting('timezone') AS settings`
  const { deployment, bus_key, ...others } = Object.fromEntries(rows)
  return { identity: `${deployment} ${bus_key}`, rest: { ...definitions, ...others } }
})

/** Uses a database of the pool, and tells which one it was and how it was given. */
const use = <A, E>(work: Effect.Effect<A, E, Database | UserRepo | MessageRepo>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const settings = yield* freshEmbedded
      const repos = yield* Layer.build(reposOn(settings))
      const given = yield* state(Context.get(repos, Database))
      yield* Effect.provideContext(work, repos)
      return { dataDir: settings.dataDir, ...given }
    })
  )

const writing = Effect.gen(function* () {
  const { alice, bob } = yield* newPair
  yield* (yield* MessageRepo).send([draft(alice, bob), draft(bob, alice)])
  const { writes: sql } = yield* Database
  yield* sql`SELECT nextval('webhook_event_ids')`
  yield* sql`UPDATE search_rebuilds SET rebuilt_at = clock_timestamp()`
  yield* sql`SET timezone = 'Asia/Kathmandu'`
})

describe("an embedded database that one test has used", () => {
  it.live("is given to the next one as a new one, with an identity of its own", () =>
    Effect.gen(function* () {
      const first = yield* use(writing)
      const second = yield* use(writing)
      const third = yield* use(Effect.void)
      assert.strictEqual(second.dataDir, first.dataDir)
      assert.strictEqual(third.dataDir, first.dataDir)
      assert.deepEqual(second.rest, first.rest)
      assert.deepEqual(third.rest, first.rest)
      assert.lengthOf(new Set([first, second, third].map(({ identity }) => identity)), 3)
    })
  )

  for (const [what, statement] of [
    ["a table", "ALTER TABLE users ADD nickname text"],
    [
      "a function",
      "CREATE OR REPLACE FUNCTION json_time(at timestamptz) RETURNS text LANGUAGE sql AS 'SELECT NULL'"
    ],
    ["an index", "DROP INDEX messages_client_id"],
    ["a setting", "ALTER DATABASE postgres SET timezone = 'Asia/Kathmandu'"],
    ["a storage parameter", "ALTER TABLE messages SET (fillfactor = 50)"],
    ["statistics for its plans", "ANALYZE users"]
  ] as const) {
    it.live(`is given to nobody any more when the test changed ${what}`, () =>
      Effect.gen(function* () {
        const first = yield* use(
          Effect.gen(function* () {
            yield* newPair
            yield* (yield* Database).writes.unsafe(statement)
          })
        )
        const second = yield* use(Effect.void)
        assert.notStrictEqual(second.dataDir, first.dataDir)
        assert.deepEqual(second.rest, first.rest)
      })
    )
  }
})
