import type { Duplex } from "node:stream"
import { PgConnection } from "@effect/sql-pg"
import { Deferred, Duration, Effect, Exit, Fiber, type Scope } from "effect"
import { SqlError } from "effect/sql"
import { type DatabaseHost, type DatabaseUrl, nameOf } from "../settings/DatabaseUrl.ts"
import { PendingSocket } from "./PendingSocket.ts"
import { codeOf, isUnreachable, rootCause } from "./StatementErrors.ts"
import { dial, expectAnswer, NO_TLS, open as openPlain, type Route, routesTo } from "./Transport.ts"

// libpq looks for the host and the encryption that work anew with each connection. Here one search finds them for all pools, so
// that connections which need no negotiation are plain sockets. It is repeated when a connection was lost.

/** How long the host that was used last is asked alone, before all others are asked as well. */
const HEAD_START = Duration.seconds(1)

/** How long a search that finds nothing takes at least: those who come meanwhile share its result. */
const SEARCH_PAUSE = Duration.millis(250)

/** A stream that counts what it carried. */
export interface Counted extends Duplex {
  readonly bytesRead: number
  readonly bytesWritten: number
}

export interface Routes {
  /** Finds the host that takes writes, and whether it is talked to over TLS. Fails with what each host said. */
  readonly search: Effect.Effect<void, SqlError.SqlError>
  /** Opens a connection there. The stream fails when there is no such host. */
  readonly open: () => Counted
  /** How long a connection may take to open, a search included. */
  readonly timeout: Duration.Duration
  /** Whether another connection may lead to another host. */
  readonly hasSeveralHosts: boolean
}

/** `login` is how to log in: user, password, database and settings. Scoped. */
export const make = Effect.fnUntraced(function* (url: DatabaseUrl, login: PgConnection.Config) {
  const { hosts, wanted, tls, connectTimeout } = url
  const runFork = Effect.runForkWith(yield* Effect.context<Scope.Scope>())
  const connections = new Map<Duplex, DatabaseHost>()
  let current: Route = routesTo(hosts[0], tls)[0]!
  /** Where there is one way only, it need not be looked for. */
  const hasChoice = wanted !== "any" || routesTo(hosts[0], tls).length > 1
  let isCertain = !hasChoice

  const dialed = (route: Route) =>
    new PendingSocket((settle) => {
      runFork(dial(route, tls, connectTimeout)).addObserver((exit) =>
        settle(Exit.isSuccess(exit) ? exit.value : asError(exit))
      )
    })

  const logIn = (route: Route) =>
    Effect.map(
      PgConnection.make({
        ...login,
        connectTimeout: Duration.times(connectTimeout, 2),
        stream: () => dialed(route)
      }),
      (connection) => ({ route, connection })
    )

  /** Fails when the host is not the one that is wanted. */
  const check = Effect.fnUntraced(function* (connection: PgConnection.PgConnection) {
    if (wanted === "any") return
    const { rows } = yield* connection.query(
      "SELECT pg_is_in_recovery() AS standby, current_setting('transaction_read_only') = 'on' AS readonly",
      [],
      false
    )
    const isUnwanted = wanted === "primary" ? rows[0]!.standby : rows[0]!.readonly
    if (isUnwanted === true) return yield* unreachable(`it takes no writes (target_session_attrs=${wanted})`)
  })

  /** Tries the ways to a host in their order. A way that fails for another reason than its encryption is the last one. */
  const reach = (host: DatabaseHost) => {
    const [first, ...rest] = routesTo(host, tls)
    return rest
      .reduce(
        (tried, route) =>
          Effect.catch(tried, (error) =>
            mayBeEncryption(error)
              ? Effect.mapError(logIn(route), (later) => (weightOf(later) < weightOf(error) ? error : later))
              : Effect.fail(error)
          ),
        logIn(first!)
      )
      .pipe(
        Effect.flatMap(({ route, connection }) => Effect.as(check(connection), route)),
        Effect.scoped,
        Effect.mapError((error) => (hosts.length === 1 ? error : withHost(host, error)))
      )
  }

  const find = Effect.gen(function* () {
    const preferred = current.host
    const others = hosts.filter((host) => host !== preferred)
    if (others.length === 0) return yield* reach(preferred)
    const isRefused = yield* Deferred.make<void>()
    const first = Effect.onError(reach(preferred), () => Deferred.succeed(isRefused, undefined))
    const turn = Effect.raceFirst(Deferred.await(isRefused), Effect.sleep(HEAD_START))
    const errors: Array<SqlError.SqlError> = []
    const collected = [first, ...others.map((host) => Effect.andThen(turn, reach(host)))].map((way) =>
      Effect.tapError(way, (error) => Effect.sync(() => errors.push(error)))
    )
    return yield* Effect.mapError(Effect.raceAll(collected), () => joined(errors))
  })

  const found = (route: Route) => {
    current = route
    isCertain = true
    // A server that was the primary may go on answering reads from the past.
    for (const [connection, host] of connections) {
      if (host !== route.host) connection.destroy(new Error(`${nameOf(host)} is no longer the primary`))
    }
  }

  let underWay: Fiber.Fiber<Route, SqlError.SqlError> | undefined
  const search = Effect.suspend(() => {
    underWay ??= runFork(
      find.pipe(
        Effect.tapError(() => Effect.sleep(SEARCH_PAUSE)),
        Effect.tap((route) => Effect.sync(() => found(route))),
        Effect.onExit(() =>
          Effect.sync(() => {
            underWay = undefined
          })
        )
      )
    )
    return Fiber.join(underWay)
  })
  yield* Effect.addFinalizer(() => (underWay === undefined ? Effect.void : Fiber.interrupt(underWay)))

  const open = (): Counted => {
    const way = current
    const connection =
      isCertain && !way.isEncrypted
        ? expectAnswer(openPlain(way.host), way.host, connectTimeout)
        : new PendingSocket((settle) => {
            const opened = Effect.gen(function* () {
              const route = isCertain ? current : yield* search
              connections.set(connection, route.host)
              return yield* dial(route, tls, connectTimeout)
            })
            runFork(opened).addObserver((exit) => settle(Exit.isSuccess(exit) ? exit.value : asError(exit)))
          })
    if (!(connection instanceof PendingSocket)) connections.set(connection, way.host)
    const doubt = () => {
      // The driver ends a connection of which it needs no more. One that ended otherwise may have had a reason: a failover.
      if (hasChoice && !connection.writableEnded) isCertain = false
    }
    // Before the driver hears of it, and opens the next one.
    connection.once("error", doubt)
    connection.once("close", () => {
      connections.delete(connection)
      doubt()
    })
    return connection
  }

  const routes: Routes = {
    search: Effect.suspend(() => (hasChoice ? Effect.asVoid(search) : Effect.void)),
    open,
    timeout: hasChoice ? Duration.times(connectTimeout, 4) : connectTimeout,
    hasSeveralHosts: hosts.length > 1
  }
  return routes
})

/** SQLSTATE of a connection that pg_hba.conf does not let in as it is encrypted, or not. */
const NO_ENTRY = "28000"

/** How much an error says about what to mend, where both kinds of connection failed. */
const weightOf = (error: SqlError.SqlError) => {
  if (rootCause(error) === NO_TLS) return 0
  return codeOf(error) === NO_ENTRY ? 1 : 2
}

/** Whether the other kind of connection may be let in: pg_hba.conf refuses this one, or its negotiation failed. */
const mayBeEncryption = (error: SqlError.SqlError) =>
  codeOf(error).startsWith("28") || (error.reason._tag === "ConnectionError" && !isRefusedByHost(error))

const isRefusedByHost = (error: SqlError.SqlError) =>
  /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ENOENT|EHOSTUNREACH|ENETUNREACH/.test(rootCause(error))

const asError = (exit: Exit.Failure<unknown, unknown>) => {
  const error = Exit.findErrorOption(exit)
  return error._tag === "Some" && error.value instanceof Error ? error.value : new Error("no connection")
}

const unreachable = (message: string) =>
  new SqlError.SqlError({
    reason: new SqlError.ConnectionError({ cause: new Error(message), message, operation: "connect" })
  })

const withHost = (host: DatabaseHost, error: SqlError.SqlError) =>
  isUnreachable(error) ? unreachable(`${nameOf(host)}: ${rootCause(error)}`) : error

/** What all hosts said. One that refuses for good says more than those that may only be unreachable. */
const joined = (errors: ReadonlyArray<SqlError.SqlError>) =>
  errors.find((error) => !isUnreachable(error)) ?? unreachable(errors.map(rootCause).join("; "))
