import type { PgClient } from "@effect/sql-pg"
import { Effect } from "effect"

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
