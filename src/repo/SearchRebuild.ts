import { Duration, Effect, Layer, Schedule } from "effect"
import { Database } from "../database/Database.ts"

/** How often a node looks whether the index is to be built anew. */
const EVERY = Duration.minutes(10)

/**
 * The index is built anew at most once in this time. With ten million messages that takes minutes of one core, and twice the index's
 * room on the disk meanwhile.
 */
const AT_MOST_EVERY = "1 day"

/** For how long a node that began is left alone. After that, only PostgreSQL's own progress says that a build is under way. */
const LEASE = "1 hour"

/**
 * Takes the next rebuild, when one is due: a user was erased since the last one, which was long enough ago. Answers when it was taken.
 */
const claim = Effect.gen(function* () {
  const { writes, orUnavailable } = yield* Database
  const rows = yield* orUnavailable(writes<{ readonly startedAt: string }>`
    UPDATE search_rebuilds s SET leased_until = clock_timestamp() + ${LEASE}::text::interval
    WHERE s.leased_until < clock_timestamp()
      AND s.rebuilt_at < clock_timestamp() - ${AT_MOST_EVERY}::text::interval
      AND EXISTS (SELECT FROM erasures e WHERE e.finished_at > s.rebuilt_at)
      AND EXISTS (SELECT FROM pg_index i WHERE i.indexrelid = to_regclass('messages_search') AND i.indisvalid)
      AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.relid = to_regclass('messages'))
    RETURNING clock_timestamp()::text AS "startedAt"`)
  return rows[0]?.startedAt
})

const finish = (startedAt: string) =>
  Database.use(({ writes, orUnavailable }) =>
    orUnavailable(writes`
        UPDATE search_rebuilds SET rebuilt_at = ${startedAt}::text::timestamptz, leased_until = '-infinity'`)
  )

/** The copies of the index that a build left whose PostgreSQL was stopped in the middle. */
const leftovers = Database.use(
  ({ writes }) => writes<{ readonly name: string }>`
    SELECT c.oid::regclass::text AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indrelid = to_regclass('messages') AND NOT i.indisvalid AND c.relname ~ '^messages_search_cc(new|old)[0-9]*$'`
)

/** Builds the index anew when that is due, and answers whether it was. Sends, edits and searches go on meanwhile. */
export const rebuildWhenDue = Effect.gen(function* () {
  const startedAt = yield* claim
  if (startedAt === undefined) return false
  yield* Effect.logInfo("Building the index of the search anew, without the words of erased users")
  yield* Effect.scoped(
    Effect.gen(function* () {
      const { apart } = yield* Database
      const sql = yield* apart
      for (const { name } of yield* leftovers) yield* sql.unsafe(`DROP INDEX CONCURRENTLY IF EXISTS ${name}`)
      yield* sql.unsafe("REINDEX INDEX CONCURRENTLY messages_search")
    })
  )
  yield* finish(startedAt)
  yield* Effect.logInfo("The index of the search is built anew")
  return true
})

/**
 * Takes the words of erased users out of the index of the search. A GIN index keeps each word as a key, without its places, for ever:
 * only a new index is without them. One node builds it at a time. PostgreSQL goes on when that node dies; what a build that was
 * ended leaves is dropped by the next one, an hour later at the earliest.
 */
export const layer = Layer.effectDiscard(
  rebuildWhenDue.pipe(
    Effect.catchCause((cause) =>
      Effect.logWarning(
        "The index of the search could not be built anew yet: it has words of erased users",
        cause
      )
    ),
    Effect.repeat(Schedule.spaced(EVERY)),
    Effect.delay(EVERY),
    Effect.forkScoped
  )
)
