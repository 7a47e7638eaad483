import { Duration, Effect, Layer, Schedule } from "effect"
import { Database } from "../database/Database.ts"
import { int4, int4Array, textArray } from "../database/SqlParameters.ts"
import { foldedNames } from "./FoldedNames.ts"
import { lookOf } from "./Looks.ts"

/** How many users one statement covers. */
const BATCH = 500

/** How long it rests between two statements, so that many users do not keep the database busy. */
const REST = Duration.millis(20)

/** How often it searches for users of older nodes. */
const EVERY = Duration.minutes(10)

/** A user, as it was when a batch was read. */
interface Row {
  readonly id: number
  readonly username: string
  readonly display_name: string
}

/**
 * Stores the look of each username without one, and the folded names of each user without them. Users of earlier releases lack both,
 * and so do users that older nodes create while they run beside this one. All keep their names. A username without a look can be
 * imitated, and a user without folded names is not found by the beginning of a name.
 */
export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const { pipeline: sql, writes, inPipeline, orUnavailable } = yield* Database

    const looks = {
      table: "username_looks",
      write: (users: ReadonlyArray<Row>) => {
        const looks = users.map(({ username }) => lookOf(username))
        // A user who is erased at this moment gets none: its look would tell its name.
        return writes`INSERT INTO username_looks (user_id, skeleton, scripts)
          SELECT look.id, look.skeleton, string_to_array(look.scripts, ' ')
          FROM unnest(
            ${int4Array(users.map(({ id }) => id))},
            ${textArray(looks.map(({ skeleton }) => skeleton))},
            ${textArray(looks.map(({ scripts }) => scripts.join(" ")))}
          ) AS look (id, skeleton, scripts)
          JOIN users u ON u.id = look.id AND u.deleted_at IS NULL
          FOR SHARE OF u
          ON CONFLICT DO NOTHING`
      }
    }

    const names = {
      table: "user_names",
      // A user who is renamed at this moment gets its folded names by the change.
      write: (users: ReadonlyArray<Row>) => {
        const named = users.flatMap(({ id, username, display_name }) => {
          const both = foldedNames(username, display_name)
          return both.map((name, i) => ({ id, display_name, name, other: both[1 - i] ?? null }))
        })
        return writes`INSERT INTO user_names (user_id, name, other)
          SELECT n.id, n.name, n.other
          FROM unnest(
            ${int4Array(named.map(({ id }) => id))},
            ${textArray(named.map(({ display_name }) => display_name))},
            ${textArray(named.map(({ name }) => name))},
            ${textArray(named.map(({ other }) => other))}
          ) AS n (id, display_name, name, other)
          JOIN users u ON u.id = n.id AND u.display_name = n.display_name
          FOR SHARE OF u
          ON CONFLICT DO NOTHING`
      }
    }

    const filling = ({ table, write }: typeof looks | typeof names) => {
      let checked = 0
      return Effect.gen(function* () {
        const users = yield* inPipeline(
          sql<Row>`
          SELECT u.id, u.username, u.display_name FROM users u WHERE u.id > ${int4(checked)} AND u.deleted_at IS NULL
            AND NOT EXISTS (SELECT FROM ${sql.literal(table)} l WHERE l.user_id = u.id)
          ORDER BY u.id LIMIT ${int4(BATCH)}`
        )
        const last = users.at(-1)
        if (last === undefined) return false
        yield* orUnavailable(write(users))
        checked = last.id
        return true
      }).pipe(Effect.tap(Effect.sleep(REST)), Effect.repeat({ while: (isMore) => isMore }))
    }

    yield* Effect.andThen(filling(looks), filling(names)).pipe(
      Effect.catchCause((cause) => Effect.logWarning("Usernames could not be compared yet", cause)),
      Effect.repeat(Schedule.spaced(EVERY)),
      Effect.forkScoped
    )
  })
)
