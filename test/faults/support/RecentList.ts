import type { PgClient } from "@effect/sql-pg"
import { Effect, Option, Schedule } from "effect"
import { Rest } from "../../../verify/Rest.ts"

/** A message is committed a moment before it is pushed to the list, so a list is only wrong when it stays so. */
const PUSHED_WITHIN = "2 seconds"

const truth = (sql: PgClient.PgClient, userId: number) =>
  sql<{ ids: string | null }>`SELECT string_agg(id::text, ' ' ORDER BY id DESC) AS ids
    FROM (SELECT id FROM messages WHERE receiver_id = ${userId} ORDER BY id DESC LIMIT 50) newest`.pipe(
    Effect.map((rows) => rows[0]!.ids ?? ""),
    Effect.orDie
  )

/**
 * How many of the recent lists differ from what the database holds. Messages go on arriving, so a list is only right when it says what the
 * database said just before, or says just after.
 */
export const wrongLists = Effect.fn("RecentList.wrongLists")(function* (options: {
  readonly sql: PgClient.PgClient
  readonly urls: ReadonlyArray<string>
  readonly users: ReadonlyArray<number>
}) {
  const { sql, urls, users } = options
  const rest = yield* Rest

  const isRight = Effect.fnUntraced(function* (userId: number, url: string) {
    const before = yield* truth(sql, userId)
    const list = (yield* rest.recent(url, userId)).map(({ id }) => id).join(" ")
    return list === before || list === (yield* truth(sql, userId))
  })

  const verdicts = yield* Effect.forEach(
    users,
    (userId, index) =>
      isRight(userId, urls[index % urls.length]!).pipe(
        Effect.orElseSucceed(() => false),
        Effect.repeat({ schedule: Schedule.spaced("50 millis"), until: (right) => right }),
        Effect.timeoutOption(PUSHED_WITHIN)
      ),
    { concurrency: 4 }
  )
  return verdicts.filter(Option.isNone).length
})
