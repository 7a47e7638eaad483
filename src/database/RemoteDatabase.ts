import { PgClient } from "@effect/sql-pg"
import { Duration, Effect, Redacted, Schedule } from "effect"
import { Reactivity } from "effect/reactivity"
import type { SqlError } from "effect/sql"
import type { Settings } from "../AppConfig.ts"
import { locationOf, readDatabaseUrl } from "../settings/DatabaseUrl.ts"
import { loginOf } from "./ConnectionOptions.ts"
import { DatabaseStartError, startError } from "./DatabaseStartError.ts"
import * as LeastBusy from "./LeastBusy.ts"
import * as Routes from "./Routes.ts"
import { types } from "./SqlParameters.ts"
import { codeOf, isUnreachable, rootCause } from "./StatementErrors.ts"
import { tlsOptions } from "./Transport.ts"
import * as WatchedSockets from "./WatchedSockets.ts"

/** How long a statement may run, or wait for an answer, before its call fails as `Unavailable`. */
export const STATEMENT_TIMEOUT = Duration.seconds(10)

/** How long a connection may answer nothing before it is ended: longer than any statement runs. */
const CONNECTION_PATIENCE = Duration.sum(STATEMENT_TIMEOUT, Duration.seconds(2))

/** The same for the connection of health. */
const HEALTH_PATIENCE = Duration.seconds(3)

/** How often one of several hosts is asked whether it answers. */
const ASKED_EVERY = Duration.seconds(1)

/** How many connections there are for sends from user to user. */
export const SEND_CONNECTIONS = 4

/** How many more there are for what else waits for locks: sends to groups, edits, changes of members. */
const CHANGE_CONNECTIONS = 4

/** How many there are for other writes, one statement at a time: a write cannot be asked again, so it waits behind no other. */
const WRITE_CONNECTIONS = 4

/** How long such a write waits for a lock, with its connection, which the next one may be waiting for. */
const WRITE_LOCK_TIMEOUT = Duration.seconds(1)

/** How many there are for searches. They wait for one another, and hold up nothing else. */
const SEARCH_CONNECTIONS = 3

/** How long a search may run. */
const SEARCH_TIMEOUT = Duration.seconds(2)

/** How a connection ends whose node vanished: within 45 seconds, and a transaction in which it does nothing within 15. */
const OF_LOST_NODES = {
  idle_in_transaction_session_timeout: "15000",
  tcp_keepalives_idle: "15",
  tcp_keepalives_interval: "10",
  tcp_keepalives_count: "3"
}

/** The settings of a connection whose statements may run so long. */
const parametersOf = (timeout: Duration.Duration) => ({
  statement_timeout: String(Duration.toMillis(timeout)),
  default_transaction_isolation: "read committed",
  // A node that lost its power or its network in a transaction ends it no more. Its locks would hold up others until the kernel gives
  // up the connection, by default after two hours.
  ...OF_LOST_NODES,
  // To compile a statement takes longer than most of them run: for a list of conversations 500 ms, and 30 ms without.
  jit: "off"
})

const startupParameters = parametersOf(STATEMENT_TIMEOUT)

// Every read is a range of an index. Of a small table, the planner would read all rows instead, again for each message of a page: with 100
// users, a page of a history then takes twice the time.
const readParameters = { ...startupParameters, enable_seqscan: "off" }

const lockTimeout = { lock_timeout: String(Duration.toMillis(WRITE_LOCK_TIMEOUT)) }

/** The pools of connections to the database at a URL. Scoped. */
export const connect = Effect.fnUntraced(
  function* (secretUrl: Redacted.Redacted, config: Settings) {
    const url = yield* Effect.fromResult(readDatabaseUrl(Redacted.value(secretUrl))).pipe(
      Effect.mapError((problem) => new DatabaseStartError({ message: `DATABASE_URL ${problem}` }))
    )
    yield* Effect.mapError(tlsOptions(url.tls), (error) => startError("DATABASE_URL", error))
    const login = loginOf(url, config.databaseUrlFile)
    const routes = yield* Routes.make(url, login)
    const location = locationOf(url)
    const common = {
      ...login,
      types,
      connectTimeout: routes.timeout,
      ssl: false,
      multiplex: false,
      stream: routes.open
    }
    const pipelineSockets = yield* WatchedSockets.make(routes.open, location, CONNECTION_PATIENCE)
    const sendSockets = yield* WatchedSockets.make(routes.open, location, CONNECTION_PATIENCE)
    const healthSockets = yield* WatchedSockets.make(routes.open, location, HEALTH_PATIENCE)

    const takesSettings = yield* Effect.andThen(
      routes.search,
      asksForSettings({ ...common, stream: healthSockets.open })
    ).pipe(whileAway(location, config.databaseConnectTimeout))
    if (!takesSettings) {
      yield* Effect.logInfo(
        "The database is behind a pooler that takes no settings of a connection: statements are not prepared, and the server does not end slow ones"
      )
    }
    const prepare = takesSettings && url.prepares
    /** Which a pooler refuses. */
    const settings = (startupParameters: Readonly<Record<string, string>>) =>
      takesSettings ? { prepare, startupParameters } : { prepare }
    const ofStatements = settings(startupParameters)

    const { client: pipeline, isBehind } = yield* LeastBusy.make({
      ...common,
      ...settings(readParameters),
      stream: pipelineSockets.open,
      multiplex: true,
      maxConnections: config.databasePoolSize
    })
    const sends = yield* PgClient.make({
      ...common,
      ...ofStatements,
      stream: sendSockets.open,
      maxConnections: SEND_CONNECTIONS + CHANGE_CONNECTIONS
    })
    const writes = yield* PgClient.make({
      ...common,
      ...settings({ ...startupParameters, ...lockTimeout }),
      stream: sendSockets.open,
      maxConnections: WRITE_CONNECTIONS
    })
    const searches = yield* PgClient.make({
      ...common,
      ...settings(parametersOf(SEARCH_TIMEOUT)),
      stream: sendSockets.open,
      maxConnections: SEARCH_CONNECTIONS
    })
    const apart = PgClient.make({ ...common, ...settings(OF_LOST_NODES), maxConnections: 1 }).pipe(
      Effect.provideService(Reactivity.Reactivity, yield* Reactivity.Reactivity)
    )
    const health = yield* PgClient.make({ ...common, stream: healthSockets.open, maxConnections: 1, prepare })

    if (routes.hasSeveralHosts) {
      // A host that fell silent is found out in seconds, although statements wait longer than that.
      yield* health`SELECT 1`.pipe(
        Effect.ignore,
        Effect.repeat(Schedule.spaced(ASKED_EVERY)),
        Effect.forkScoped
      )
    }

    const retire = (error: SqlError.SqlError) => {
      const code = codeOf(error)
      // A server that became a standby keeps its connections: those that are opened now may lead to the new primary.
      if (code !== READ_ONLY && code !== CANNOT_CONNECT_NOW) return
      sendSockets.retire()
      if (code === CANNOT_CONNECT_NOW || routes.hasSeveralHosts) pipelineSockets.retire()
    }
    const { patiently } = pipelineSockets
    const pools = { pipeline, writes, sends, searches, apart, health }
    return { ...pools, mode: "postgresql" as const, location, retire, patiently, isBehind }
  },
  Effect.catchTag("SqlError", (error) =>
    startError("The database does not accept a connection (DATABASE_URL)", error)
  )
)

/** Whether the server takes settings of a connection, which a pooler does not. */
const asksForSettings = (options: PgClient.PgPoolConfig) =>
  Effect.scoped(
    Effect.gen(function* () {
      const sql = yield* PgClient.make({
        ...options,
        maxConnections: 1,
        prepare: false,
        // Each of them: a pooler may take some.
        startupParameters: { ...readParameters, ...lockTimeout }
      })
      const [row] = yield* sql<{ readonly setting: string }>`
        SELECT setting FROM pg_settings WHERE name = 'statement_timeout'`
      return row?.setting === startupParameters.statement_timeout
    })
  ).pipe(Effect.catchIf(isRefusedSetting, () => Effect.succeed(false)))

/** Tries again while the database does not answer, for a time, and says so once. */
const whileAway =
  (location: string, time: Duration.Duration) =>
  <A, R>(effect: Effect.Effect<A, SqlError.SqlError, R>) => {
    let warned = false
    return effect.pipe(
      Effect.tapError((error) => {
        if (warned || !isUnreachable(error)) return Effect.void
        warned = true
        return Effect.logWarning(
          `The database at ${location} does not answer: ${rootCause(error)}. Trying for ${Duration.format(time)}`
        )
      }),
      Effect.retry({
        schedule: Schedule.spaced("1 second").pipe(Schedule.upTo({ duration: time })),
        while: isUnreachable
      })
    )
  }

/** SQLSTATE of a write to a server that takes none. */
const READ_ONLY = "25006"

/** SQLSTATE of a server that starts, or replays what a primary writes. */
const CANNOT_CONNECT_NOW = "57P03"

/** A pooler, as pgbouncer, ends a connection that asks for settings which it does not keep for each client. */
const isRefusedSetting = (error: SqlError.SqlError) => /startup parameter/i.test(rootCause(error))
