import { execFileSync } from "node:child_process"
import { chownSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer, Redacted, Scope } from "effect"
import { Reactivity } from "effect/reactivity"
import { postgresFolder } from "./Binaries.ts"
import { freePort } from "./Ports.ts"
import * as Process from "./Process.ts"

/** A PostgreSQL server of its own in an empty folder, with fsync on: what it acknowledged outlives a crash. */
export class PostgresServer extends Context.Service<
  PostgresServer,
  {
    readonly createDatabase: (name: string) => Effect.Effect<string>
    /** A connection pool of the test's own. */
    readonly connect: (url: string) => Effect.Effect<PgClient.PgClient, never, Scope.Scope>
    /** Ends it at once, as a crash does. */
    readonly crash: Effect.Effect<void>
    /** Starts it again, and waits until it takes connections. */
    readonly start: Effect.Effect<void>
  }
>()("minichat/faults/PostgresServer") {
  static readonly layer = Layer.effect(
    PostgresServer,
    Effect.gen(function* () {
      const scope = yield* Effect.scope
      const bin = yield* postgresFolder
      const user = unprivileged()
      const data = yield* Effect.acquireRelease(
        Effect.sync(() => {
          const folder = mkdtempSync(join(tmpdir(), "minichat-faults-pg-"))
          if (user.uid !== undefined) chownSync(folder, user.uid, -1)
          return folder
        }),
        (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
      )
      const port = yield* freePort
      yield* Process.run(
        join(bin, "initdb"),
        ["-D", data, "-U", "minichat", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"],
        user
      )
      const settings = [
        `port=${port}`,
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        "fsync=on",
        "max_connections=200",
        "wal_level=minimal",
        "max_wal_senders=0"
      ]
      const urlOf = (database: string) => `postgresql://minichat@127.0.0.1:${port}/${database}`

      const connect = (url: string) =>
        PgClient.make({ url: Redacted.make(url), maxConnections: 4 }).pipe(
          Effect.orDie,
          Effect.provide(Reactivity.layer)
        )

      const answers = Effect.scoped(
        Effect.gen(function* () {
          const sql = yield* PgClient.make({
            url: Redacted.make(urlOf("postgres")),
            connectTimeout: "1 second"
          })
          yield* sql`SELECT 1`
          return true
        })
      ).pipe(Effect.provide(Reactivity.layer))

      let server: Process.Process
      const start = Effect.gen(function* () {
        server = yield* Process.start(
          join(bin, "postgres"),
          ["-D", data, ...settings.flatMap((setting) => ["-c", setting])],
          { ...user, stopSignal: "SIGQUIT" }
        )
        yield* Process.ready(server, "PostgreSQL takes connections", answers, "60 seconds")
      }).pipe(Scope.provide(scope))
      yield* start

      return PostgresServer.of({
        createDatabase: (name) =>
          Effect.scoped(
            Effect.gen(function* () {
              const sql = yield* connect(urlOf("postgres"))
              yield* sql`CREATE DATABASE ${sql(name)}`.pipe(Effect.orDie)
              return urlOf(name)
            })
          ),
        connect,
        crash: Effect.suspend(() => Effect.andThen(server.signal("SIGQUIT"), Effect.asVoid(server.ended))),
        start
      })
    })
  )
}

/** PostgreSQL refuses to run as root. */
export const unprivileged = (): { readonly uid?: number } => {
  if (process.getuid?.() !== 0) return {}
  try {
    return { uid: Number(execFileSync("id", ["-u", "postgres"], { encoding: "utf8", stdio: "pipe" })) }
  } catch {
    throw new Error("The fault tests need a user named postgres, or to run as another user than root")
  }
}
