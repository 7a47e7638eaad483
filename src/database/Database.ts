import { PgClient, PgMigrator } from "@effect/sql-pg"
import { Context, Duration, Effect, Layer, Path, Redacted, Schedule, Schema, type Scope } from "effect"
import { Reactivity } from "effect/reactivity"
import { SqlClient, SqlError, type Statement } from "effect/sql"
import { fromFileSystem } from "effect/sql/MigratorFileSystem"
import { AppConfig, type Settings } from "../AppConfig.ts"
import { Unavailable } from "../domain/Unavailable.ts"
import { Metrics } from "../observability/Metrics.ts"
import { connectionOptions } from "./ConnectionOptions.ts"
import * as Deadlines from "./Deadlines.ts"
import { EmbeddedDatabase } from "./EmbeddedDatabase.ts"
import * as LeastBusy from "./LeastBusy.ts"
import { applyFunctions } from "./SqlFunctions.ts"
import { int8, types } from "./SqlParameters.ts"
import { problemOf } from "./StartChecks.ts"
import { codeOf, isAway, makeLog, rootCause } from "./StatementErrors.ts"
import * as WatchedSockets from "./WatchedSockets.ts"

/** How long a statement may run, or wait for an answer, before its call fails as `Unavailable`. */
const STATEMENT_TIMEOUT = Duration.seconds(10)

/** How long a connection may answer nothing before it is ended: longer than any statement runs. */
const CONNECTION_PATIENCE = Duration.sum(STATEMENT_TIMEOUT, Duration.seconds(2))

/** The same for the connection of health. */
const HEALTH_PATIENCE = Duration.seconds(3)

/** How many connections there are for sends from user to user. */
export const SEND_CONNECTIONS = 4

/** How many more there are for what else waits for locks: sends to groups, edits, changes of members. */
const CHANGE_CONNECTIONS = 4

/** How many there are for searches. They wait for one another, and hold up nothing else. */
const SEARCH_CONNECTIONS = 3

/** How long a search may run. */
const SEARCH_TIMEOUT = Duration.seconds(2)

/** Serializes the migrations of nodes that start at the same moment. Any constant number does. */
const MIGRATION_LOCK = 7_105_116

/** The server cannot start with this database; the message is for whoever started it. */
export class DatabaseStartError extends Schema.TaggedError<DatabaseStartError>()("DatabaseStartError", {
  message: Schema.String,
  cause: Schema.optional(Schema.Defect())
}) {}

/**
 * The migrated database. `pipeline`, for reads and writes that wait for no lock, pipelines the statements of many fibers on each
 * connection, and gives each to the least busy one. `sends` has connections of its own: a statement that waits for a lock, which `send_messages` does for two seconds,
 * holds up each statement that is pipelined behind it. In embedded mode both are one client.
 */
export class Database extends Context.Service<
  Database,
  {
    readonly pipeline: PgClient.PgClient
    readonly sends: PgClient.PgClient
    /** A few connections for searches, the most costly of all reads. A search that runs for two seconds is ended. */
    readonly searches: PgClient.PgClient
    /** A new connection for work that takes long. Nothing ends its statements. Scoped. */
    readonly apart: Effect.Effect<PgClient.PgClient, SqlError.SqlError, Scope.Scope>
    /** One connection that nothing else uses: whether the database answers is not to wait behind a slow statement. */
    readonly health: PgClient.PgClient
    /**
     * Turns each failure of a statement into `Unavailable`, and logs the reason once until it is over: what the statement was
     * given is valid, so its caller can only try again.
     */
    orUnavailable<A, E, R>(
      statement: Effect.Effect<A, E | SqlError.SqlError, R>
    ): Effect.Effect<A, Exclude<E, SqlError.SqlError> | Unavailable, R>
    /** `orUnavailable` for `pipeline`. Waits for the end of this turn of the event loop, to write its statements together. */
    inPipeline<A, E, R>(
      statement: Effect.Effect<A, E | SqlError.SqlError, R>
    ): Effect.Effect<A, Exclude<E, SqlError.SqlError> | Unavailable, R>
    /** SQL for the name of the database's history; see `Epoch`. */
    readonly currentEpoch: Statement.Fragment
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
      const problem = yield* Effect.mapError(problemOf(database.pipeline), (error) =>
        startError("The database could not be asked what it is", error)
      )
      if (problem !== undefined) {
        return yield* new DatabaseStartError({
          message: `The database (DATABASE_URL) cannot be used: ${problem}`
        })
      }
      yield* migrate(database)
      // With a synchronous standby no commit is lost when it takes over: the history goes on.
      const withTimeline = config.databaseFailover === "lossy"
      const currentEpoch = database.pipeline.literal(`(SELECT current_epoch(${withTimeline}))`)
      return Database.of({ ...database, currentEpoch, ...(yield* guard(database.retire)) })
    })
  ).pipe(Layer.provide(Reactivity.layer))
}

const optionsOf = (options: PgClient.PgPoolConfig): PgClient.PgPoolConfig => ({
  types,
  applicationName: "minichat",
  connectTimeout: "5 seconds",
  multiplex: true,
  ...options
})

/** The settings of a connection whose statements may run so long. */
const parametersOf = (timeout: Duration.Duration) => ({
  statement_timeout: String(Duration.toMillis(timeout)),
  default_transaction_isolation: "read committed",
  // To compile a statement takes longer than most of them run: for a list of conversations 500 ms, and 30 ms without.
  jit: "off"
})

const connect = (options: PgClient.PgPoolConfig) => PgClient.make(optionsOf(options))

const inProcess = Effect.fnUntraced(
  function* (dataDir: string) {
    const start = yield* EmbeddedDatabase
    const client = yield* connect(yield* start(dataDir))
    return {
      pipeline: client,
      sends: client,
      searches: client,
      apart: Effect.succeed(client),
      health: client,
      mode: "embedded" as const,
      location: dataDir,
      retire: nothing,
      patiently: <A, E, R>(effect: Effect.Effect<A, E, R>) => effect
    }
  },
  Effect.catchTags({
    SqlError: (error) => startError("The embedded database does not start", error),
    PlatformError: (error) => startError("The embedded database has no place for its socket (TMPDIR)", error)
  })
)

const remote = Effect.fnUntraced(
  function* (url: Redacted.Redacted, config: Settings) {
    const { databasePoolSize: maxConnections, databaseConnectTimeout } = config
    const parsed = new URL(Redacted.value(url))
    const target = connectionOptions(url, config.databaseUrlFile)
    const { host, pathname } = parsed
    const pipelineSockets = yield* WatchedSockets.make(parsed, CONNECTION_PATIENCE)
    const sendSockets = yield* WatchedSockets.make(parsed, CONNECTION_PATIENCE)
    const location = `${host}${pathname}`
    let warned = false
    const startupParameters = parametersOf(STATEMENT_TIMEOUT)
    const healthSockets = yield* WatchedSockets.make(parsed, HEALTH_PATIENCE)
    const takesSettings = yield* Effect.scoped(
      Effect.gen(function* () {
        const sql = yield* connect({
          ...target,
          stream: healthSockets.open,
          maxConnections: 1,
          prepare: false,
          startupParameters
        })
        const [row] = yield* sql<{ readonly setting: string }>`
          SELECT setting FROM pg_settings WHERE name = 'statement_timeout'`
        return row?.setting === startupParameters.statement_timeout
      })
    ).pipe(
      Effect.catchIf(isRefusedSetting, () => Effect.succeed(false)),
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
    if (!takesSettings) {
      yield* Effect.logInfo(
        "The database is behind a pooler that takes no settings of a connection: statements are not prepared, and the server does not end slow ones"
      )
    }
    const settings = takesSettings ? { startupParameters } : { prepare: false }
    const pipeline = yield* LeastBusy.make(
      optionsOf({ ...target, stream: pipelineSockets.open, maxConnections, ...settings })
    )
    const sends = yield* connect({
      ...target,
      stream: sendSockets.open,
      maxConnections: SEND_CONNECTIONS + CHANGE_CONNECTIONS,
      multiplex: false,
      ...settings
    })
    const searches = yield* connect({
      ...target,
      stream: sendSockets.open,
      maxConnections: SEARCH_CONNECTIONS,
      multiplex: false,
      ...(takesSettings ? { startupParameters: parametersOf(SEARCH_TIMEOUT) } : { prepare: false })
    })
    const apart = connect({ ...target, maxConnections: 1, multiplex: false, prepare: takesSettings }).pipe(
      Effect.provideService(Reactivity.Reactivity, yield* Reactivity.Reactivity)
    )
    const health = yield* connect({
      ...target,
      stream: healthSockets.open,
      maxConnections: 1,
      multiplex: false,
      prepare: takesSettings
    })
    const retire = (error: SqlError.SqlError) => {
      const code = codeOf(error)
      // A server that became a standby keeps its connections: those that are opened now may lead to the new primary.
      if (code === READ_ONLY || code === CANNOT_CONNECT_NOW) sendSockets.retire()
      if (code === CANNOT_CONNECT_NOW) pipelineSockets.retire()
    }
    const { patiently } = pipelineSockets
    const pools = { pipeline, sends, searches, apart, health }
    return { ...pools, mode: "postgresql" as const, location, retire, patiently }
  },
  Effect.catchTag("SqlError", (error) => startError("The database does not accept a connection", error))
)

/** How a migration may take its time, beside the connection that it runs on. */
interface Connected extends Pick<Database["Service"], "pipeline"> {
  readonly patiently: WatchedSockets.WatchedSockets["patiently"]
}

const migrate = Effect.fnUntraced(
  function* ({ pipeline: sql, patiently }: Pick<Connected, "pipeline" | "patiently">) {
    const path = yield* Path.Path
    const loader = fromFileSystem(path.join(import.meta.dirname, "../../migrations"))
    // A migration of a large table takes longer than any other statement may, and so does waiting for that of another node.
    yield* sql`SET LOCAL statement_timeout = 0`.pipe(
      Effect.andThen(sql`SELECT pg_advisory_xact_lock(${int8(MIGRATION_LOCK)})`),
      Effect.andThen(PgMigrator.run({ loader })),
      Effect.andThen(applyFunctions(sql)),
      sql.withTransaction,
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

const startError = (what: string, error: unknown) =>
  new DatabaseStartError({ message: `${what}: ${rootCause(error)}`, cause: error })

/** SQLSTATE of a write to a server that takes none. */
const READ_ONLY = "25006"

/** SQLSTATE of a server that starts, or replays what a primary writes. */
const CANNOT_CONNECT_NOW = "57P03"

/** A pooler, as pgbouncer, ends a connection that asks for settings which it does not keep for each client. */
const isRefusedSetting = (error: SqlError.SqlError) => /startup parameter/i.test(rootCause(error))

const nothing = () => {}

const guard = Effect.fnUntraced(function* (retire: (error: SqlError.SqlError) => void) {
  const log = makeLog()
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
          ? Effect.andThen(
              Effect.andThen(
                Effect.sync(() => retire(error)),
                log(error)
              ),
              Effect.fail(new Unavailable({ dependency: "database", cause: error }))
            )
          : Effect.fail(error as Exclude<E, SqlError.SqlError>)
    )
  const inPipeline: Database["Service"]["inPipeline"] = (statement) =>
    orUnavailable(Effect.andThen(Effect.yieldNow, statement))
  return { orUnavailable, inPipeline }
})
