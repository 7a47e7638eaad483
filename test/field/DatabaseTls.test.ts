import { chownSync, writeFileSync } from "node:fs"
import { assert, layer } from "@effect/vitest"
import { Context, Duration, Effect, Layer, Option, Redacted } from "effect"
import { Database } from "../../src/database/Database.ts"
import { PostgresServer, unprivileged } from "../faults/support/PostgresServer.ts"
import { reposOn } from "../repo/Repos.ts"
import { until } from "../support/Until.ts"
import { makeCa } from "./support/Certificates.ts"

/** Who is let in, and how: `tls_only` not without TLS, `plain_only` not with it, `holder` with a certificate. */
const RULES = `hostnossl all tls_only all reject
hostssl all plain_only all reject
hostssl all holder all cert
host all all all trust
`

/** A PostgreSQL with a certificate for localhost, and one more CA that did not sign it. */
class TlsServer extends Context.Service<
  TlsServer,
  {
    readonly place: { readonly port: string }
    readonly files: Readonly<Record<"ca" | "otherCa" | "certificate" | "key", string>>
    readonly setTls: (isOn: boolean) => Effect.Effect<void>
  }
>()("test/field/TlsServer") {
  static readonly layer = Layer.effect(
    TlsServer,
    Effect.gen(function* () {
      const server = yield* PostgresServer
      const admin = yield* server.connect(yield* server.createDatabase("tls"))
      const { ca, sign } = yield* makeCa
      const other = yield* makeCa
      const { certificate, key } = yield* sign("localhost", "DNS:localhost")
      const holder = yield* sign("holder", "DNS:holder")
      const { uid } = unprivileged()
      if (uid !== undefined) chownSync(key, uid, -1)
      const [place] = yield* admin<{ readonly file: string; readonly port: string }>`
        SELECT current_setting('hba_file') AS file, current_setting('port') AS port`
      writeFileSync(place!.file, RULES)
      const set = (name: string, value: string) => admin.unsafe(`ALTER SYSTEM SET ${name} = '${value}'`)
      for (const user of ["tls_only", "plain_only", "holder"]) {
        yield* admin.unsafe(`CREATE ROLE ${user} LOGIN SUPERUSER`)
      }
      yield* set("ssl_cert_file", certificate)
      yield* set("ssl_key_file", key)
      yield* set("ssl_ca_file", ca)
      const setTls = (isOn: boolean) =>
        Effect.gen(function* () {
          const value = isOn ? "on" : "off"
          yield* set("ssl", value)
          yield* admin`SELECT pg_reload_conf()`
          // The server takes it over before it tells its processes.
          yield* until(Effect.map(admin<{ readonly ssl: string }>`SHOW ssl`, ([row]) => row!.ssl === value))
        }).pipe(Effect.orDie)
      yield* setTls(true)
      const files = { ca, otherCa: other.ca, certificate: holder.certificate, key: holder.key }
      return TlsServer.of({ place: place!, files, setTls })
    }).pipe(Effect.orDie)
  ).pipe(Layer.provide(PostgresServer.layer))
}

/** How the connections of the pools are to a database, or why there are none. */
const connections = Effect.fnUntraced(function* (user: string, host: string, parameters: string) {
  const { place, files } = yield* TlsServer
  const written = parameters.replace(/\{(\w+)\}/g, (_, name) => files[name as keyof typeof files])
  const databaseUrl = `postgresql://${user}@${host}:${place.port}/tls?${written}`
  return yield* Layer.build(
    reposOn({
      databaseUrl: Option.some(Redacted.make(databaseUrl)),
      databaseConnectTimeout: Duration.millis(1)
    })
  ).pipe(
    Effect.flatMap((repos) => {
      const { pipeline, sends, health } = Context.get(repos, Database)
      return Effect.forEach(
        [pipeline, sends, health],
        (sql) => sql<{ readonly ssl: boolean }>`SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()`
      )
    }),
    Effect.map((rows) => {
      const ways = new Set(rows.map(([row]) => (row!.ssl ? "encrypted" : "plain")))
      return [...ways].join(" and ")
    }),
    Effect.catchTag("DatabaseStartError", ({ message }) => Effect.succeed(message)),
    Effect.scoped
  )
})

layer(TlsServer.layer, { excludeTestServices: true, timeout: "60 seconds" })("DATABASE_URL", (it) => {
  it.effect.each([
    ["minichat", "127.0.0.1", "sslmode=disable", /^plain$/],
    ["tls_only", "127.0.0.1", "sslmode=disable", /DATABASE_URL.*tls_only.*no encryption/],
    ["minichat", "127.0.0.1", "", /^plain$/],
    ["tls_only", "127.0.0.1", "", /^encrypted$/],
    ["minichat", "127.0.0.1", "sslmode=allow", /^plain$/],
    ["tls_only", "127.0.0.1", "sslmode=allow", /^encrypted$/],
    ["minichat", "127.0.0.1", "sslmode=prefer", /^encrypted$/],
    ["plain_only", "127.0.0.1", "sslmode=prefer", /^plain$/],
    ["minichat", "127.0.0.1", "sslmode=prefer&sslrootcert={otherCa}", /^plain$/],
    ["minichat", "127.0.0.1", "sslmode=require", /^encrypted$/],
    ["plain_only", "127.0.0.1", "sslmode=require", /DATABASE_URL.*plain_only.*SSL encryption/],
    ["minichat", "127.0.0.1", "sslmode=require&sslrootcert={ca}", /^encrypted$/],
    [
      "minichat",
      "127.0.0.1",
      "sslmode=require&sslrootcert={otherCa}",
      /DATABASE_URL.*certificate.*sslrootcert/
    ],
    ["minichat", "127.0.0.1", "sslmode=verify-ca&sslrootcert={ca}", /^encrypted$/],
    ["minichat", "127.0.0.1", "sslmode=verify-ca", /DATABASE_URL.*certificate.*sslrootcert/],
    ["minichat", "localhost", "sslmode=verify-full&sslrootcert={ca}", /^encrypted$/],
    ["minichat", "127.0.0.1", "sslmode=verify-full&sslrootcert={ca}", /DATABASE_URL.*127\.0\.0\.1/],
    ["minichat", "localhost", "sslrootcert=system", /DATABASE_URL.*certificate.*sslrootcert/],
    ["minichat", "localhost", "sslmode=require&channel_binding=require", /DATABASE_URL.*certificate/],
    ["minichat", "localhost", "sslmode=require&channel_binding=require&sslrootcert={ca}", /^encrypted$/],
    ["holder", "127.0.0.1", "sslmode=require", /DATABASE_URL.*client certificate/],
    ["holder", "127.0.0.1", "sslmode=require&sslcert={certificate}&sslkey={key}", /^encrypted$/],
    ["minichat", "127.0.0.1", "sslmode=require&sslrootcert=/no/ca.pem", /DATABASE_URL: sslrootcert.*ENOENT/]
  ] as const)("of %s at %s with %s", ([user, host, parameters, expected]) =>
    Effect.gen(function* () {
      const said = yield* connections(user, host, parameters)
      assert.match(said, expected)
      assert.notInclude(said, "\n")
    })
  )

  it.effect("leads to a server without TLS only where that is allowed", () =>
    Effect.gen(function* () {
      const { setTls } = yield* TlsServer
      yield* setTls(false)
      assert.strictEqual(yield* connections("minichat", "127.0.0.1", "sslmode=prefer"), "plain")
      assert.match(
        yield* connections("minichat", "127.0.0.1", "sslmode=require"),
        /DATABASE_URL.*the server has no TLS \(sslmode\)/
      )
    })
  )
})
