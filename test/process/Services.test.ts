import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Redacted } from "effect"
import { startProcess } from "../support/ServerProcess.ts"
import { databaseUrl, freshDatabase, freshDataDir, redisUrl } from "../support/Services.ts"
import { tcpProxy } from "../support/TcpProxy.ts"
import { closedPort } from "./Ports.ts"
import { call, send, TIMEOUT, twoUsers } from "./ServerProcess.ts"

describe("a server with services", TIMEOUT, () => {
  it.live("a server whose Redis is unavailable warns and serves", () =>
    Effect.gen(function* () {
      const { dataDir } = yield* freshDataDir
      const port = yield* closedPort
      const server = yield* startProcess({
        DATA_DIR: dataDir,
        REDIS_URL: `redis://:s3cret@127.0.0.1:${port}`
      })
      const url = yield* server.listening

      assert.deepInclude(yield* call(url, "/health"), {
        status: "DEGRADED",
        database: "OK (embedded)",
        redis: "ERROR"
      })
      const { alice, bob } = yield* twoUsers(url)
      const sent = yield* send(url, alice, bob, "without Redis")
      const { messages } = yield* call(url, `/messages/recent/${bob.id}`)
      assert.deepEqual(
        messages.map(({ id }: { id: number }) => id),
        [sent.id]
      )
      yield* server.signal("SIGTERM")
      const { code, stdout, stderr } = yield* server.ended
      assert.deepEqual([code, stderr], [0, ""])
      const warnings = stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line))
        .filter(({ level }) => level === "WARN")
      assert.lengthOf(warnings, 1)
      assert.match(warnings[0].message, /^Redis does not answer \(REDIS_URL\)/)
      assert.notInclude(stdout, "s3cret")
    })
  )

  it.live.runIf(databaseUrl !== undefined)(
    "a server waits for its database, and serves once it answers",
    () =>
      Effect.gen(function* () {
        const fresh = yield* freshDatabase
        const database = yield* tcpProxy(new URL(Redacted.value(Option.getOrThrow(fresh.databaseUrl))))
        yield* database.cut
        const server = yield* startProcess({
          DATABASE_URL: database.url.href,
          DATABASE_CONNECT_TIMEOUT: "5 minutes"
        })
        yield* server.logged(/does not answer/)

        yield* database.restore

        const url = yield* server.listening
        assert.include(yield* call(url, "/health"), { status: "OK", database: "OK" })
      })
  )

  it.live.runIf(databaseUrl !== undefined)(
    "nodes that start at one moment on an empty database all serve",
    () =>
      Effect.gen(function* () {
        const { databaseUrl } = yield* freshDatabase
        const settings = {
          DATABASE_URL: Redacted.value(Option.getOrThrow(databaseUrl)),
          ...(redisUrl === undefined ? {} : { REDIS_URL: redisUrl, REDIS_PREFIX: `start-${process.pid}:` })
        }
        const nodes = yield* Effect.replicateEffect(startProcess(settings), 2)
        const urls = yield* Effect.forEach(nodes, ({ listening }) => listening, { concurrency: "unbounded" })

        const users = yield* Effect.forEach(urls, (url, i) => call(url, "/users/", { username: `user${i}` }))

        for (const url of urls) {
          assert.sameDeepMembers(yield* call(url, "/users/"), users)
          assert.include(yield* call(url, "/health"), { database: "OK" })
        }
        for (const node of nodes) {
          yield* node.signal("SIGTERM")
          assert.strictEqual((yield* node.ended).code, 0)
        }
      })
  )
})
