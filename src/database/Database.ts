import { PgClient, PgMigrator } from "@effect/sql-pg"
import { Context, Duration, Effect, Layer, Path, Redacted, Schedule, Schema } from "effect"
import { Reactivity } from "effect/reactivity"
import { SqlClient, SqlError } from "effect/sql"
import { fromFileSystem } from "effect/sql/MigratorFileSystem"
import { AppConfig, type Settings } from "../AppConfig.ts"
import { Unavailable } from "../domain/Unavailable.ts"
import { Metrics } from "../observability/Metrics.ts"
import * as Deadlines from "./Deadlines.ts"
import { EmbeddedDatabase } from "./EmbeddedDatabase.ts"
import { applyFunctions } from "./SqlFunctions.ts"
import { int8, types } from "./SqlParameters.ts"

/** How long a statement may run, or wait for an answer, before its call fails as `Unavailable`. */
const STATEMENT_TIMEOUT = Duration.seconds(10)

/** How many connections there are for sends. */
export const SEND_CONNECTIONS = 4

/** How long a send waits for the heads of the inboxes that it touches. */
const LOCK_TIMEOUT = Duration.seconds(2)

/** Serializes the migrations of nodes that start at the same moment. Any constant number does. */
const MIGRATION_LOCK = 7_105_116

/** The server cannot start with this database; the message is for whoever started it. */
export class DatabaseStartError extends Schema.TaggedError<DatabaseStartError>()("DatabaseStartError", {
  message: Schema.String,
  cause: Schema.optional(Schema.Defect())
}) {}

/**
 * The migrated database. `reads` pipelines the statements of many fibers on each connection; `sends` has
 * connections of its own with a lock timeout, because a statement that waits for a lock stalls whatever is
 * pipelined behind it. In embedded mode the two are one.
 */
export class Database extends Context.Service<
  Database,
  {
    readonly reads: PgClient.PgClient
    readonly sends: PgClient.PgClient
    /**
     * Turns "the database is away, too slow, or will not do it now" into `Unavailable`; any other failure of a
     * statement is a defect.
     */
    orUnavailable<A, E, R>(
      statement: Effect.Effect<A, E | SqlError.SqlError, R>
    ): Effect.Effect<A, Exclude<E, SqlError.SqlError> | Unavailable, R>
    /** `orUnavailable` for `reads`. Waits for the end of this turn of the event loop: those of one turn are written together. */
    pipelined<A, E, R>(
      statement: Effect.Effect<A, E | SqlError.SqlError, R>
    ): Effect.Effect<A, Exclude<E, SqlError.SqlError> | Unavailable, R>
    readonly mode: "embedded" | "postgresql"
    /** Where the data is, for a person: a folder, or host and database without credentials. */
    readonly location: string
  }
>()("minichat/repo/Database") {
  static readonly layer = Layer.effect(
    Database,
    Effect.gen(function* () {
      const config = yield* AppConfig
      const database = yield* config.databaseUrl._tag === "Some"
        ? remote(config.databaseUrl.value, config)
        : inProcess(config.dataDir)
      yield* migrate(database)
      return Database.of({ ...database, ...(yield* guard) })
    })
  ).pipe(Layer.provide(Reactivity.layer))
}

const connect = (options: PgClient.PgPoolConfig) =>
  PgClient.make({
    types,
    applicationName: "minichat",
    connectTimeout: "5 seconds",
    multiplex: true,
    ...options
  })

const inProcess = Effect.fnUntraced(
  function* (dataDir: string) {
    const start = yield* EmbeddedDatabase
    const client = yield* connect(yield* start(dataDir))
    return { reads: client, sends: client, mode: "embedded" as const, location: dataDir }
  },
  Effect.catchTags({
    SqlError: (error) => startError("The embedded database does not start", error),
    PlatformError: (error) => startError("The embedded database has no place for its socket (TMPDIR)", error)
  })
)

const remote = Effect.fnUntraced(
  function* (url: Redacted.Redacted, { databasePoolSize: maxConnections, databaseConnectTimeout }: Settings) {
    const { host, pathname } = new URL(Redacted.value(url))
    const location = `${host}${pathname}`
    let warned = false
    const statement_timeout = String(Duration.toMillis(STATEMENT_TIMEOUT))
    const reads = yield* connect({ url, maxConnections, startupParameters: { statement_timeout } })
    const sends = yield* connect({
      url,
      maxConnections: SEND_CONNECTIONS,
      multiplex: false,
      startupParameters: { statement_timeout, lock_timeout: String(Duration.toMillis(LOCK_TIMEOUT)) }
    })
    yield* reads`SELECT 1`.pipe(
      Effect.tapError((error) => {
        if (warned || !isAway(error)) return Effect.void
        warned = true
        return Effect.logWarning(
          `The database at ${location} does not answer; trying for ${Duration.format(databaseConnectTimeout)}`
        )
      }),
      Effect.retry({
        schedule: Schedule.spaced("1 second").pipe(Schedule.upTo({ duration: databaseConnectTimeout })),
        while: isAway
      })
    )
    return { reads, sends, mode: "postgresql" as const, location }
  },
  Effect.catchTag("SqlError", (error) => startError("The database does not accept a connection", error))
)

const migrate = Effect.fnUntraced(
  function* ({ reads: sql }: Pick<Database["Service"], "reads">) {
    const path = yield* Path.Path
    const loader = fromFileSystem(path.join(import.meta.dirname, "../../migrations"))
    yield* sql`SELECT pg_advisory_xact_lock(${int8(MIGRATION_LOCK)})`.pipe(
      Effect.andThen(PgMigrator.run({ loader })),
      Effect.andThen(applyFunctions(sql)),
      sql.withTransaction,
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

const startError = (what: string, error: unknown) =>
  new DatabaseStartError({ message: `${what}: ${rootCause(error)}`, cause: error })

/** What the database, or the network, said in the first place. */
const rootCause = (error: unknown): string => {
  const cause = error instanceof Error ? error.cause : undefined
  if (cause instanceof Error) return rootCause(cause)
  return error instanceof Error && error.message !== "" ? error.message : String(error)
}

/** PostgreSQL starts, stops, or has no room for a connection: classes 57P and 53, which the driver does not name. */
const isAway = (error: SqlError.SqlError): boolean => {
  const { cause } = error.reason
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : ""
  return error.reason._tag === "ConnectionError" || code.startsWith("57P") || code.startsWith("53")
}

const guard = Effect.gen(function* () {
  const deadlines = yield* Deadlines.make(STATEMENT_TIMEOUT)
  yield* (yield* Metrics).databaseCalls(deadlines.underWay)
  const withinTime = deadlines.within(
    Effect.suspend(() => Effect.fail(new Unavailable({ dependency: "database", cause: "no answer in time" })))
  )
  const orUnavailable: Database["Service"]["orUnavailable"] = <A, E, R>(
    statement: Effect.Effect<A, E | SqlError.SqlError, R>
  ) =>
    Effect.catch(
      withinTime(statement),
      (error): Effect.Effect<never, Exclude<E, SqlError.SqlError> | Unavailable> =>
        SqlError.isSqlError(error)
          ? error.isRetryable || isAway(error)
            ? Effect.fail(new Unavailable({ dependency: "database", cause: error }))
            : Effect.die(error)
          : Effect.fail(error as Exclude<E, SqlError.SqlError>)
    )
  const pipelined: Database["Service"]["pipelined"] = (statement) =>
    orUnavailable(Effect.andThen(Effect.yieldNow, statement))
  return { orUnavailable, pipelined }
})
