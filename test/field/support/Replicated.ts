import { chownSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { PgClient } from "@effect/sql-pg"
import { Effect, Redacted } from "effect"
import { Reactivity } from "effect/reactivity"
import { replicationFolder } from "../../faults/support/Binaries.ts"
import { freePort } from "../../faults/support/Ports.ts"
import { PostgresServer, unprivileged } from "../../faults/support/PostgresServer.ts"
import * as Process from "../../faults/support/Process.ts"
import { until } from "../../faults/support/Until.ts"
import { tcpProxy } from "../../support/TcpProxy.ts"

/** A primary and a standby that streams from it, behind one address, as a failover manager gives it. Scoped. */
export const make = Effect.fnUntraced(function* (mode: "synchronous" | "asynchronous") {
  const bin = yield* replicationFolder
  const user = unprivileged()
  const folder = Effect.acquireRelease(
    Effect.sync(() => {
      const path = mkdtempSync(join(tmpdir(), "minichat-field-pg-"))
      if (user.uid !== undefined) chownSync(path, user.uid, -1)
      return path
    }),
    (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
  )
  const urlOf = (port: number, database: string) => `postgresql://minichat@127.0.0.1:${port}/${database}`
  const on = (port: number, statement: string) =>
    Effect.scoped(
      Effect.flatMap(
        PgClient.make({ url: Redacted.make(urlOf(port, "postgres")), maxConnections: 1 }),
        (sql) => sql.unsafe<Record<string, unknown>>(statement)
      )
    ).pipe(Effect.provide(Reactivity.layer))

  const startServer = Effect.fnUntraced(function* (
    data: string,
    port: number,
    settings: ReadonlyArray<string>
  ) {
    const all = [
      `port=${port}`,
      "listen_addresses=127.0.0.1",
      "unix_socket_directories=",
      "max_connections=200",
      ...settings
    ]
    const server = yield* Process.start(
      join(bin, "postgres"),
      ["-D", data, ...all.flatMap((setting) => ["-c", setting])],
      { ...user, stopSignal: "SIGQUIT" }
    )
    yield* until("PostgreSQL answers", Effect.as(on(port, "SELECT 1"), true), "60 seconds")
    return server
  })

  const [primaryData, standbyData] = [yield* folder, yield* folder]
  const [primaryPort, standbyPort] = [yield* freePort, yield* freePort]
  const options = ["-U", "minichat", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
  yield* Process.run(join(bin, "initdb"), ["-D", primaryData, ...options], user)
  const primary = yield* startServer(primaryData, primaryPort, ["wal_level=replica"])
  const copy = ["-h", "127.0.0.1", "-p", String(primaryPort), "-U", "minichat", "-R", "-X", "stream"]
  yield* Process.run(join(bin, "pg_basebackup"), [...copy, "-D", standbyData, "-c", "fast"], user)
  yield* startServer(standbyData, standbyPort, ["hot_standby=on"])
  if (mode === "synchronous") {
    yield* on(primaryPort, "ALTER SYSTEM SET synchronous_standby_names = '*'")
    yield* on(primaryPort, "SELECT pg_reload_conf()")
  }
  const wanted = mode === "synchronous" ? "sync" : "async"
  const states = on(primaryPort, "SELECT sync_state FROM pg_stat_replication WHERE state = 'streaming'")
  yield* until(
    `the standby is ${wanted}`,
    Effect.map(states, (rows) => rows.some(({ sync_state }) => sync_state === wanted)),
    "30 seconds"
  )

  const target = new URL(urlOf(primaryPort, "postgres"))
  const proxy = yield* tcpProxy(target)
  const connect = (url: string) =>
    PgClient.make({ url: Redacted.make(url), maxConnections: 4 }).pipe(
      Effect.orDie,
      Effect.provide(Reactivity.layer)
    )
  return {
    /** For a deployment: its databases are made on the primary, and reached by the address that follows it. */
    server: PostgresServer.of({
      createDatabase: (name) =>
        Effect.as(
          Effect.orDie(on(primaryPort, `CREATE DATABASE ${name}`)),
          urlOf(Number(proxy.url.port), name)
        ),
      connect,
      crash: Effect.void,
      start: Effect.void
    }),
    /** The URL of a database that is made now, with both hosts in it: the standby is the first one. */
    createDatabaseOnBoth: (name: string) =>
      Effect.as(
        Effect.orDie(on(primaryPort, `CREATE DATABASE ${name}`)),
        `postgresql://minichat@127.0.0.1:${standbyPort},127.0.0.1:${primaryPort}/${name}`
      ),
    /** The same, with the primary behind a proxy that can be made mute. */
    createDatabaseBehindProxy: (name: string) =>
      Effect.as(
        Effect.orDie(on(primaryPort, `CREATE DATABASE ${name}`)),
        `postgresql://minichat@127.0.0.1:${proxy.url.port},127.0.0.1:${standbyPort}/${name}`
      ),
    /** Waits until the standby replayed all that the primary wrote. */
    isCaughtUp: until(
      "the standby replayed all",
      Effect.map(
        on(primaryPort, "SELECT replay_lsn = pg_current_wal_lsn() AS done FROM pg_stat_replication"),
        (rows) => rows[0]?.done === true
      ),
      "30 seconds"
    ),
    /** The primary is cut off without a word: nothing that is sent to it arrives, on no connection. The standby takes over. */
    partition: Effect.andThen(proxy.hold("everything"), on(standbyPort, "SELECT pg_promote()")),
    primaryPort,
    standbyPort,
    /** Ends the primary, as a power cut does, and makes the standby the primary. */
    promote: Effect.gen(function* () {
      yield* primary.signal("SIGKILL")
      yield* primary.ended
      yield* on(standbyPort, "SELECT pg_promote()")
    }),
    /** Changes the roles: the primary comes back as a standby before the other one is the primary. */
    switchOver: Effect.gen(function* () {
      yield* primary.signal("SIGINT")
      yield* primary.ended
      yield* Effect.sync(() => writeFileSync(join(primaryData, "standby.signal"), ""))
      yield* startServer(primaryData, primaryPort, ["hot_standby=on"])
      yield* on(standbyPort, "SELECT pg_promote()")
    }),
    /** The standby gets nothing more from the primary. */
    disconnectStandby: on(standbyPort, "ALTER SYSTEM SET primary_conninfo = ''").pipe(
      Effect.andThen(on(standbyPort, "SELECT pg_reload_conf()")),
      Effect.andThen(
        until(
          "the standby is cut off",
          Effect.map(states, (rows) => rows.length === 0),
          "30 seconds"
        )
      )
    ),
    /** Kills the primary, promotes the standby, and leads the address there. */
    failOver: Effect.gen(function* () {
      yield* primary.signal("SIGKILL")
      yield* primary.ended
      yield* proxy.cut
      yield* on(standbyPort, "SELECT pg_promote()")
      target.port = String(standbyPort)
      yield* proxy.restore
    })
  }
})
