import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Option, Redacted } from "effect"
import { Database } from "../../src/database/Database.ts"
import { PostgresServer } from "../faults/support/PostgresServer.ts"
import { reposOn } from "../repo/Repos.ts"
import { tcpProxy } from "../support/TcpProxy.ts"
import { until } from "../support/Until.ts"
import { redisNode } from "./support/RedisNode.ts"
import { startRedis } from "./support/RedisServers.ts"

const secretFile = Effect.gen(function* () {
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "minichat-field-secret-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
  )
  const path = join(folder, "url")
  return { path, write: (text: string) => Effect.sync(() => writeFileSync(path, `${text}\n`)) }
})

describe("a password that changes while the server runs", () => {
  it.live("is read from DATABASE_URL_FILE for each new connection", () =>
    Effect.gen(function* () {
      const server = yield* PostgresServer
      const admin = yield* server.connect(yield* server.createDatabase("passwords"))
      // The server trusts connections of this machine; this user has to give a password all the same.
      const [place] = yield* admin<{ readonly file: string; readonly port: string }>`
        SELECT current_setting('hba_file') AS file, current_setting('port') AS port`
      yield* admin`CREATE ROLE chat LOGIN SUPERUSER PASSWORD 'first'`
      writeFileSync(
        place!.file,
        "host all chat 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n"
      )
      yield* admin`SELECT pg_reload_conf()`
      const urlWith = (password: string) => `postgresql://chat:${password}@127.0.0.1:${place!.port}/passwords`
      const secret = yield* secretFile
      yield* secret.write(urlWith("first"))
      const node = yield* Layer.build(
        reposOn({
          databaseUrl: Option.some(Redacted.make(urlWith("first"))),
          databaseUrlFile: Option.some(secret.path)
        })
      )
      const { pipeline, inPipeline } = Context.get(node, Database)
      const answers = Effect.match(inPipeline(pipeline`SELECT 1`), {
        onFailure: () => false,
        onSuccess: () => true
      })
      assert.isTrue(yield* answers)

      yield* admin`ALTER ROLE chat PASSWORD 'second'`
      yield* admin`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'chat'`
      yield* until(Effect.map(answers, (answered) => !answered))
      yield* secret.write(urlWith("second"))
      yield* until(answers)
    }).pipe(Effect.provide(PostgresServer.layer))
  )

  it.live("is read from REDIS_URL_FILE for each new connection", () =>
    Effect.gen(function* () {
      const redis = yield* startRedis("--requirepass", "first")
      const proxy = yield* tcpProxy(redis.url)
      const urlWith = (password: string) => `redis://:${password}@127.0.0.1:${proxy.url.port}`
      const secret = yield* secretFile
      yield* secret.write(urlWith("first"))
      const node = yield* redisNode(urlWith("first"), { redisUrlFile: Option.some(secret.path) })
      yield* node.isUp

      yield* redis.command("CONFIG", "SET", "requirepass", "second")
      yield* proxy.cut
      yield* proxy.restore
      yield* node.logged(/WRONGPASS/)
      yield* secret.write(urlWith("second"))
      yield* node.isUp
    })
  )
})
