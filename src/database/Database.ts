import { PgClient } from "@effect/sql-pg"
import { Context, Effect, type Fiber, Layer, type Scope } from "effect"
import { Reactivity } from "effect/reactivity"
import { SqlError, type Statement } from "effect/sql"
import { AppConfig } from "../AppConfig.ts"
import { Unavailable } from "../domain/Unavailable.ts"
import { Metrics } from "../observability/Metrics.ts"
import { DatabaseStartError, startError } from "./DatabaseStartError.ts"
import * as Deadlines from "./Deadlines.ts"
import { EmbeddedDatabase } from "./EmbeddedDatabase.ts"
import { migrate } from "./Migrations.ts"
import * as RemoteDatabase from "./RemoteDatabase.ts"
import { types } from "./SqlParameters.ts"
import { problemOf } from "./StartChecks.ts"
import { makeLog } from "./StatementErrors.ts"

/**
 * The migrated database. `pipeline`, for reads, pipelines the statements of many fibers on each connection, and gives each to
 * the least busy one. `sends` and `writes` have connections of their own, which carry one statement at a time: a statement that is
 * slow holds up each one that is pipelined behind it, and only a read can be asked again elsewhere. In embedded mode all are one
 * client.
 */
export class Database extends Context.Service<
  Database,
  {
    readonly pipeline: PgClient.PgClient
    /** For sends and other changes of inboxes, which wait up to two seconds for their locks. */
    readonly sends: PgClient.PgClient
    /** For all other writes. One that waits for a lock for a second fails, so that the next one gets its connection. */
    readonly writes: PgClient.PgClient
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
    /**
     * `orUnavailable` for reads in `pipeline`. Waits for the end of this turn of the event loop, to write its statements together.
     * What waits behind a slow statement of another caller is asked again on another connection within a second, so it must
     * change nothing.
     */
    inPipeline<A, E, R>(
      statement: Effect.Effect<A, E | SqlError.SqlError, R>
    ): Effect.Effect<A, Exclude<E, SqlError.SqlError> | Unavailable, R>
    /** SQL for the name of the database's history; see `Epoch`. */
    readonly currentEpoch: Statement.Fragment
    readonly mode: "embedded" | "postgresql"
    /** Where the data is, for a person: a folder, or host and database without credentials. */
    readonly location: string
  }
>()("minichat/database/Database") {
  static readonly layer = Layer.effect(
    Database,
    Effect.gen(function* () {
      const config = yield* AppConfig
      const database = yield* config.databaseUrl._tag === "Some"
        ? RemoteDatabase.connect(config.databaseUrl.value, config)
        : inProcess(config.dataDir)
      const problem = yield* Effect.mapError(problemOf(database.pipeline), (error) =>
        startError("The database could not be asked what it is", error)
      )
      if (problem !== undefined) {
        return yield* new DatabaseStartError({
          message: `The database (DATABASE_URL) cannot be used: ${problem}`
        })
      }
      yield* migrate(database.pipeline, database.patiently)
      // With a synchronous standby no commit is lost when it takes over: the history goes on.
      const withTimeline = config.databaseFailover === "lossy"
      const currentEpoch = database.pipeline.literal(`(SELECT current_epoch(${withTimeline}))`)
      return Database.of({ ...database, currentEpoch, ...(yield* guard(database)) })
    })
  ).pipe(Layer.provide(Reactivity.layer))
}

const inProcess = Effect.fnUntraced(
  function* (dataDir: string) {
    const start = yield* EmbeddedDatabase
    const client = yield* PgClient.make({
      types,
      applicationName: "minichat",
      multiplex: true,
      ...(yield* start(dataDir))
    })
    return {
      pipeline: client,
      sends: client,
      writes: client,
      searches: client,
      apart: Effect.succeed(client),
      health: client,
      mode: "embedded" as const,
      location: dataDir,
      retire: nothing,
      patiently: <A, E, R>(effect: Effect.Effect<A, E, R>) => effect,
      // There is one connection: a second try would wait behind the first.
      isBehind: () => false
    }
  },
  Effect.catchTags({
    SqlError: (error) => startError("The embedded database does not start", error),
    PlatformError: (error) => startError("The embedded database has no place for its socket (TMPDIR)", error)
  })
)

const nothing = () => {}

/** What makes statements of callers that may only try again. */
interface Guarded {
  readonly retire: (error: SqlError.SqlError) => void
  readonly isBehind: (fiber: Fiber.Fiber<unknown, unknown>) => boolean
}

const guard = Effect.fnUntraced(function* ({ retire, isBehind }: Guarded) {
  const log = makeLog()
  const deadlines = yield* Deadlines.make(RemoteDatabase.STATEMENT_TIMEOUT)
  yield* (yield* Metrics).databaseCalls(deadlines.underWay)
  const late = Effect.suspend(() =>
    Effect.fail(new Unavailable({ dependency: "database", cause: "no answer in time" }))
  )
  const explained = <A, E, R>(
    statement: Effect.Effect<A, E | SqlError.SqlError, R>
  ): Effect.Effect<A, Exclude<E, SqlError.SqlError> | Unavailable, R> =>
    Effect.catch(
      statement,
      (error): Effect.Effect<never, Exclude<E, SqlError.SqlError> | Unavailable> =>
        SqlError.isSqlError(error)
          ? Effect.sync(() => retire(error)).pipe(
              Effect.andThen(log(error)),
              Effect.andThen(Effect.fail(new Unavailable({ dependency: "database", cause: error })))
            )
          : Effect.fail(error as Exclude<E, SqlError.SqlError>)
    )
  const once = deadlines.within(late)
  const twice = deadlines.repeatable(late, isBehind)
  const orUnavailable: Database["Service"]["orUnavailable"] = (statement) => explained(once(statement))
  const inPipeline: Database["Service"]["inPipeline"] = (statement) =>
    explained(twice(Effect.andThen(Effect.yieldNow, statement)))
  return { orUnavailable, inPipeline }
})
