import { Duration, Effect, Layer, Schedule } from "effect"
import { Database } from "../database/Database.ts"

/** The same index as that of migration 10. */
const CREATE = `CREATE INDEX CONCURRENTLY messages_search ON messages
  USING gin (search_keys(id, sender_id, receiver_id, conversation_id, content)) WITH (gin_pending_list_limit = 128)`

/** How often a node looks whether the index is complete, until it is. */
const EVERY = Duration.seconds(30)

/**
 * Builds the index of the search where it is missing: the migration of a database with many messages leaves it to this worker.
 * Sends are not blocked meanwhile. PostgreSQL goes on when the node dies; an index that it did not complete is built again. Until the
 * index is complete, a search finds the messages that it scans without it: see `search_messages`.
 */
export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const { searches, apart } = yield* Database

    const state = Effect.map(
      searches<{ readonly isValid: boolean; readonly isUnderWay: boolean }>`
        SELECT i.indisvalid AS "isValid",
          EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid) AS "isUnderWay"
        FROM pg_index i WHERE i.indexrelid = to_regclass('messages_search')`,
      ([row]) =>
        row === undefined ? "missing" : row.isValid ? "valid" : row.isUnderWay ? "under way" : "left"
    )

    const build = Effect.scoped(
      Effect.gen(function* () {
        const sql = yield* apart
        yield* Effect.logInfo(
          "Building the index of the search: until it is complete, old messages may not be found"
        )
        yield* sql.unsafe(CREATE)
        yield* Effect.logInfo("The index of the search is complete")
      })
    )

    // Does not wait for the lock of an index that another node builds.
    const drop = searches.withTransaction(
      Effect.andThen(searches`SET LOCAL lock_timeout = '1s'`, searches`DROP INDEX IF EXISTS messages_search`)
    )

    const step = Effect.gen(function* () {
      const is = yield* state
      if (is === "left") yield* drop
      if (is === "left" || is === "missing") yield* build
      return (yield* state) === "valid"
    }).pipe(
      Effect.catchCause((cause) =>
        Effect.as(Effect.logDebug("The index of the search cannot be built yet", cause), false)
      )
    )

    yield* step.pipe(
      Effect.repeat({ until: (isValid) => isValid, schedule: Schedule.spaced(EVERY) }),
      Effect.forkScoped
    )
  })
)
