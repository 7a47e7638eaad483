import { existsSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Redacted } from "effect"
import { databaseUrl, emptyDataDir, freshDatabase, freshDataDir, redisUrl } from "../support/Services.ts"
import { tcpProxy } from "../support/TcpProxy.ts"
import { call, type Ended, startProcess } from "./ServerProcess.ts"

/** Processes that start take as long as the machine is busy; nothing here is about how long. */
const TIMEOUT = { timeout: 120_000 }

/** A port on which something listens that is no server of ours, until the scope closes. */
const takenPort = Effect.acquireRelease(
  Effect.callback<{ readonly port: number; readonly close: () => void }>((resume) => {
    const server = createServer((socket) => socket.destroy())
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      resume(Effect.succeed({ port, close: () => server.close() }))
    })
  }),
  ({ close }) => Effect.sync(close)
)

/** A port on which nothing listens. */
const closedPort = Effect.map(Effect.scoped(takenPort), ({ port }) => port)

/** It ended with 1 and said why in one line, which an operator can act on and which tells no secret. */
const assertRefusal = ({ code, stderr }: Ended, why: RegExp) => {
  assert.strictEqual(code, 1)
  assert.match(stderr, /^Mini Chat cannot start\. .*\n$/)
  assert.match(stderr, why)
  assert.notMatch(stderr, /\bat .*:\d+:\d+|node_modules|s3cret/)
}

const twoUsers = Effect.fnUntraced(function* (url: string) {
  const alice = yield* call(url, "/users/", { username: "alice" })
  const bob = yield* call(url, "/users/", { username: "bob" })
  return { alice, bob }
})

const send = (url: string, from: { id: number }, to: { id: number }, content: string) =>
  call(url, "/messages/", { sender_id: from.id, receiver_id: to.id, content })

describe("an embedded server", TIMEOUT, () => {
  it.live("starts without any setting, says what it is, has its folder to itself, and ends with 0", () =>
    Effect.gen(function* () {
      const { dataDir } = yield* emptyDataDir
      const server = yield* startProcess({ DATA_DIR: dataDir })
      const url = yield* server.listening
      const second = yield* startProcess({ DATA_DIR: dataDir })
      const refusal = yield* second.ended
      const health = yield* call(url, "/health")
      yield* twoUsers(url)

      yield* server.signal("SIGTERM")
      const { code, stdout, stderr } = yield* server.ended

      assertRefusal(refusal, /DATA_DIR/)
      assert.include(refusal.stderr, dataDir)
      assert.deepInclude(health, { status: "OK", database: "OK (embedded)", redis: "OK (embedded)" })
      assert.include(stdout, `Database: embedded, its data in ${dataDir}`)
      assert.include(stdout, "Bus, cache and sessions: embedded")
      assert.match(url, /^http:\/\/127\.0\.0\.1:\d+$/)
      assert.deepEqual([code, stderr], [0, ""])
    })
  )

  it.live("has its data after a restart, and after it was killed", () =>
    Effect.gen(function* () {
      const { dataDir } = yield* freshDataDir
      const start = startProcess({ DATA_DIR: dataDir })
      const first = yield* start
      const firstUrl = yield* first.listening
      const { alice, bob } = yield* twoUsers(firstUrl)
      const sent = [yield* send(firstUrl, alice, bob, "before the restart")]
      yield* first.signal("SIGINT")
      assert.strictEqual((yield* first.ended).code, 0)

      const second = yield* start
      const secondUrl = yield* second.listening
      sent.unshift(yield* send(secondUrl, alice, bob, "before the kill"))
      yield* second.signal("SIGKILL")
      yield* second.ended
      assert.isTrue(existsSync(join(dataDir, "lock")))

      const third = yield* start
      const thirdUrl = yield* third.listening
      const history: ReadonlyArray<{ id: number; content: string }> = yield* call(
        thirdUrl,
        `/messages/?user_id=${bob.id}`
      )
      assert.deepEqual(
        history.map(({ id, content }) => [id, content]),
        sent.map(({ id, content }) => [id, content])
      )
      const { events } = yield* call(thirdUrl, `/users/${bob.id}/events?since=0`)
      assert.lengthOf(events, 2)
      assert.isAbove((yield* send(thirdUrl, alice, bob, "after the kill")).id, sent[0].id)
    })
  )
})

describe("a server that cannot start", TIMEOUT, () => {
  it.live("because a setting is wrong says so in one line", () =>
    Effect.gen(function* () {
      const server = yield* startProcess({ DATABASE_URL: "mysql://root:s3cret@localhost/chat" })
      assertRefusal(yield* server.ended, /DATABASE_URL.* postgresql:/)
    })
  )

  it.live("because its port is taken says so in one line, and frees its data folder", () =>
    Effect.gen(function* () {
      const { dataDir } = yield* freshDataDir
      const { port } = yield* takenPort
      const server = yield* startProcess({ DATA_DIR: dataDir, PORT: String(port) })
      assertRefusal(yield* server.ended, new RegExp(`PORT.*${port}`))
      assert.isFalse(existsSync(join(dataDir, "lock")))
    })
  )

  it.live("because its data folder is a file says so in one line", () =>
    Effect.gen(function* () {
      const server = yield* startProcess({ DATA_DIR: import.meta.filename })
      assertRefusal(yield* server.ended, /DATA_DIR/)
    })
  )

  it.live("because nothing listens where the database should be waits for it, then says so in one line", () =>
    Effect.gen(function* () {
      const port = yield* closedPort
      const server = yield* startProcess({
        DATABASE_URL: `postgresql://chat:s3cret@127.0.0.1:${port}/chat`,
        DATABASE_CONNECT_TIMEOUT: "500 millis"
      })
      const ended = yield* server.ended
      assertRefusal(ended, new RegExp(`database.*127\\.0\\.0\\.1:${port}`))
      assert.include(ended.stdout, `127.0.0.1:${port}/chat does not answer`)
      assert.notInclude(ended.stdout, "s3cret")
    })
  )
})

describe("a server with services", TIMEOUT, () => {
  it.live("a server whose Redis is away warns and serves", () =>
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
