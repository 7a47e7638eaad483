import { PgClient, PgMigrator } from "@effect/sql-pg"
import { Duration, Effect, Path, Schedule } from "effect"
import { Migrator, SqlClient, SqlError } from "effect/sql"
import { fromFileSystem } from "effect/sql/MigratorFileSystem"
import { startError } from "./DatabaseStartError.ts"
import { applyFunctions } from "./SqlFunctions.ts"
import { int8 } from "./SqlParameters.ts"
import { rootCause } from "./StatementErrors.ts"
import type * as WatchedSockets from "./WatchedSockets.ts"

/** Serializes the migrations of nodes that start at the same moment. Any constant number does. */
const MIGRATION_LOCK = 7_105_116

/** How often the migrations are tried when other transactions hold their locks. */
const TRIES = 10

const PAUSE = Duration.seconds(1)

/** The migrations of this release, by their numbers. */
export const loader = Effect.flatMap(Path.Path, (path) =>
  fromFileSystem(path.join(import.meta.dirname, "../../migrations"))
)

/** Whether the same migrations may succeed at the next try: a node of another release was in their way. */
const isLocked = (error: unknown): boolean => {
  if (error instanceof Migrator.MigrationError) return isLocked(error.cause)
  return (
    SqlError.isSqlError(error) &&
    (error.reason._tag === "DeadlockError" || error.reason._tag === "LockTimeoutError")
  )
}

/**
 * Runs the migrations that a database has not had, and replaces the SQL functions whose text changed: all in one transaction.
 * No order of locks suits all statements of release 1.0, which serves meanwhile: a deadlock with one is tried again.
 */
export const migrate = Effect.fnUntraced(
  function* (sql: PgClient.PgClient, patiently: WatchedSockets.WatchedSockets["patiently"]) {
    // A migration of a large table takes longer than any other statement may, and so does waiting for that of another node.
    yield* sql`SET LOCAL statement_timeout = 0`.pipe(
      // It reads whole tables, which connections for reads avoid.
      Effect.andThen(sql`SET LOCAL enable_seqscan = on`),
      Effect.andThen(sql`SELECT pg_advisory_xact_lock(${int8(MIGRATION_LOCK)})`),
      Effect.andThen(PgMigrator.run({ loader })),
      Effect.andThen(applyFunctions(sql)),
      sql.withTransaction,
      Effect.tapError((error) =>
        isLocked(error)
          ? Effect.logWarning(
              `Nodes that serve hold locks that the migrations wait for, which are tried again up to ${TRIES} times: ${rootCause(error)}`
            )
          : Effect.void
      ),
      Effect.retry({ while: isLocked, times: TRIES - 1, schedule: Schedule.spaced(PAUSE) }),
      patiently,
      Effect.provideService(SqlClient.SqlClient, sql),
      Effect.provideService(PgClient.PgClient, sql)
    )
  },
  Effect.catchTags({
    SqlError: (error) => startError("The database could not be migrated", error),
    PlatformError: (error) => startError("The files of the migrations could not be read", error),
    MigrationError: (error) => startError("The database could not be migrated", error)
  })
)
