import type { PgClient } from "@effect/sql-pg"
import { Effect } from "effect"
import { Rest } from "../../../verify/Rest.ts"
import { until } from "./Until.ts"

const truth = (sql: PgClient.PgClient, userId: number) =>
  sql<{ ids: string | null }>`SELECT string_agg(id::text, ' ' ORDER BY id DESC) AS ids
    FROM (SELECT id FROM messages WHERE receiver_id = ${userId} ORDER BY id DESC LIMIT 50) newest`.pipe(
    Effect.map((rows) => rows[0]!.ids ?? "")
  )

/**
 * How many of the recent lists differ from what the database holds. Messages go on arriving, so a list is only compared when the database
 * said the same before and after.
 */
export const wrongLists = Effect.fn("RecentList.wrongLists")(function* (options: {
  readonly sql: PgClient.PgClient
  readonly urls: ReadonlyArray<string>
  readonly users: ReadonlyArray<number>
}) {
  const { sql, urls, users } = options
  const rest = yield* Rest
  let wrong = 0

  const compare = (userId: number, url: string) =>
    Effect.gen(function* () {
      const before = yield* truth(sql, userId)
      const list = (yield* rest.recent(url, userId)).map(({ id }) => id).join(" ")
      const after = yield* truth(sql, userId)
      if (before !== after) return false
      if (list !== before) wrong += 1
      return true
    }).pipe(Effect.catchTag("SqlError", Effect.die))

  yield* Effect.forEach(users, (userId, index) =>
    until(
      `user ${userId}'s recent list can be compared`,
      compare(userId, urls[index % urls.length]!),
      "15 seconds"
    )
  )
  return wrong
})
