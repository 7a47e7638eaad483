import type { PgClient } from "@effect/sql-pg"
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { Statement } from "effect/sql"

/** Carries out a call in a transaction of `sql`, which has to be the client that it uses, and answers how many rows of a table it read. */
export const rowsRead = <A, E, R>(sql: PgClient.PgClient, table: string, call: Effect.Effect<A, E, R>) => {
  const soFar = Effect.map(
    sql<{ readonly rows: number }>`
      SELECT coalesce(seq_tup_read, 0)::int + coalesce(idx_tup_fetch, 0)::int AS rows
      FROM pg_stat_xact_user_tables WHERE relid = ${table}::regclass`,
    ([row]) => row!.rows
  )
  return Effect.gen(function* () {
    const before = yield* soFar
    yield* call
    return (yield* soFar) - before
  }).pipe(sql.withTransaction)
}

interface Plan {
  readonly "Shared Hit Blocks": number
  readonly "Shared Read Blocks": number
}

/** Carries out the statement of a call under EXPLAIN, and answers how many pages of tables and indexes it reads. */
export const pagesRead = Effect.fnUntraced(function* <A, E, R>(
  sql: PgClient.PgClient,
  call: Effect.Effect<A, E, R>
) {
  const statements: Array<readonly [sql: string, params: ReadonlyArray<unknown>]> = []
  yield* Effect.provideService(call, Statement.CurrentTransformer, (statement) => {
    statements.push(statement.compile())
    return Effect.succeed(statement)
  })
  assert.lengthOf(statements, 1)
  const [text, params] = statements[0]!
  const [row] = yield* sql.unsafe<{ readonly "QUERY PLAN": ReadonlyArray<{ readonly Plan: Plan }> }>(
    `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`,
    params
  )
  const plan = row!["QUERY PLAN"][0]!.Plan
  return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
})
