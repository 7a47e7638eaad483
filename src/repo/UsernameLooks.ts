import { Duration, Effect, Layer, Schedule } from "effect"
import { Database } from "../database/Database.ts"
import { int4, int4Array, textArray } from "../database/SqlParameters.ts"
import { lookOf } from "./Looks.ts"

/** How many users one statement covers. */
const BATCH = 500

/** How long it rests between two statements, so that an upgrade of many users leaves room for others. */
const REST = Duration.millis(20)

/** How often it looks for users of older nodes. */
const EVERY = Duration.minutes(10)

/**
 * Writes down how the usernames look that have no look: those of former releases, and those that their nodes create while they
 * run beside this one. Such users keep their names. Until theirs has a look, it can be imitated.
 */
export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const { pipeline: sql, inPipeline } = yield* Database
    let checked = 0

    const fillBatch = Effect.gen(function* () {
      const users = yield* inPipeline(
        sql<{ readonly id: number; readonly username: string }>`
          SELECT u.id, u.username FROM users u WHERE u.id > ${int4(checked)} AND u.deleted_at IS NULL
            AND NOT EXISTS (SELECT FROM username_looks l WHERE l.user_id = u.id)
          ORDER BY u.id LIMIT ${int4(BATCH)}`
      )
      const last = users.at(-1)
      if (last === undefined) return false
      const looks = users.map(({ username }) => lookOf(username))
      yield* inPipeline(
        sql`INSERT INTO username_looks (user_id, skeleton, scripts)
          SELECT id, skeleton, string_to_array(scripts, ' ')
          FROM unnest(
            ${int4Array(users.map(({ id }) => id))},
            ${textArray(looks.map(({ skeleton }) => skeleton))},
            ${textArray(looks.map(({ scripts }) => scripts.join(" ")))}
          ) AS look (id, skeleton, scripts)
          ON CONFLICT DO NOTHING`
      )
      checked = last.id
      return true
    })

    yield* fillBatch.pipe(
      Effect.tap(Effect.sleep(REST)),
      Effect.repeat({ while: (isMore) => isMore }),
      Effect.catchCause((cause) => Effect.logWarning("Usernames could not be compared yet", cause)),
      Effect.repeat(Schedule.spaced(EVERY)),
      Effect.forkScoped
    )
  })
)
