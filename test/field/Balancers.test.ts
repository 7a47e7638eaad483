import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Option, Redacted, Schedule } from "effect"
import * as ChatNode from "../faults/support/ChatNode.ts"
import { freePort } from "../faults/support/Ports.ts"
import * as Process from "../faults/support/Process.ts"
import { until } from "../faults/support/Until.ts"
import { databaseUrl, freshDatabase, freshRedis, redisUrl } from "../support/Services.ts"
import { openSocket } from "../support/TestSocket.ts"

const DEPLOY = join(import.meta.dirname, "../../deploy")

interface Balancer {
  readonly name: string
  readonly file: string
  readonly run: (
    file: string,
    folder: string
  ) => readonly [program: string, arguments_: ReadonlyArray<string>]
}

const BALANCERS: ReadonlyArray<Balancer> = [
  { name: "HAProxy", file: "haproxy.cfg", run: (file) => ["/usr/sbin/haproxy", ["-f", file, "-db"]] },
  {
    name: "nginx",
    file: "nginx.conf",
    run: (file, folder) => {
      const here = `daemon off; error_log stderr; pid ${join(folder, "pid")};`
      return ["/usr/sbin/nginx", ["-c", file, "-p", folder, "-g", here]]
    }
  }
]

const temporaryFolder = Effect.acquireRelease(
  Effect.sync(() => {
    const path = mkdtempSync(join(tmpdir(), "minichat-field-balancer-"))
    // nginx gives its workers to another user, who makes files for large bodies.
    chmodSync(path, 0o777)
    return path
  }),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

/** The balancer with the settings of `deploy`, in front of these two nodes. Answers its URL. */
const start = Effect.fnUntraced(function* (
  { file, run }: Balancer,
  ports: { readonly first: string; readonly second: string }
) {
  const folder = yield* temporaryFolder
  const port = yield* freePort
  const shipped = readFileSync(join(DEPLOY, file), "utf8")
  const adapted = shipped
    .replace("127.0.0.1:8000", `127.0.0.1:${ports.first}`)
    .replace("127.0.0.1:8001", `127.0.0.1:${ports.second}`)
    .replace(/(bind \*:|listen )8080/, `$1${port}`)
    .replace("http {", `http { access_log off; client_body_temp_path ${join(folder, "bodies")};`)
  const path = join(folder, file)
  writeFileSync(path, adapted)
  const [program, arguments_] = run(path, folder)
  const balancer = yield* Process.start(program, arguments_, { stopSignal: "SIGTERM" })
  const url = `http://127.0.0.1:${port}`
  const answers = Effect.tryPromise(
    async (signal) => (await fetch(`${url}/readyz`, { signal })).status === 200
  )
  yield* Process.ready(balancer, `${url} answers`, answers, "20 seconds")
  return { url, output: balancer.output }
})

/** How many requests are under way at a time, of each kind. */
const AT_A_TIME = 8

describe.runIf(databaseUrl !== undefined && redisUrl !== undefined)("a node that is stopped", () => {
  for (const balancer of BALANCERS) {
    it.live(`behind ${balancer.name} refuses no request, send or socket`, () =>
      Effect.gen(function* () {
        const database = yield* freshDatabase
        const redis = yield* freshRedis
        const options = {
          databaseUrl: Redacted.value(Option.getOrThrow(database.databaseUrl)),
          redisUrl: Redacted.value(Option.getOrThrow(redis.redisUrl)),
          env: { REDIS_PREFIX: redis.redisPrefix, DRAIN_DELAY: "4 seconds", LOG_LEVEL: "Info" }
        }
        const [first, second] = yield* Effect.all([ChatNode.start(options), ChatNode.start(options)], {
          concurrency: 2
        })
        const { url, output } = yield* start(balancer, {
          first: new URL(first.url).port,
          second: new URL(second.url).port
        })
        const failures: Array<string> = []
        let answered = 0
        const ask = (path: string, init?: RequestInit) =>
          Effect.promise(() =>
            fetch(`${url}${path}`, init).then(
              async (response) => {
                const body = await response.text()
                if (response.status !== 200) failures.push(`${path}: ${response.status} ${body}`)
                answered++
                return body
              },
              (error) => {
                failures.push(`${path}: ${error}`)
                return ""
              }
            )
          )
        const post = (path: string, body: unknown) =>
          ask(path, {
            method: "POST",
            headers: { "content-type": "application/json" },
            body: JSON.stringify(body)
          })
        const newUser = Effect.map(
          Effect.suspend(() => post("/users/", { username: `user${answered}` })),
          (body) => JSON.parse(body).id as number
        )
        const [alice, bob] = [yield* newUser, yield* newUser]
        const connect = Effect.scoped(
          openSocket(`${url.replace("http", "ws")}/ws/${alice}`).pipe(
            Effect.flatMap((socket) => socket.nextOf("system")),
            Effect.map(() => {
              answered++
            }),
            Effect.catch(({ status, body }) =>
              Effect.sync(() => {
                failures.push(`/ws: ${status} ${body}`)
              })
            )
          )
        )
        const kinds = [
          ask(`/users/${alice}`),
          post("/messages/", { sender_id: alice, receiver_id: bob, content: "hello" }),
          connect
        ]
        const load = yield* Effect.forEach(
          kinds.flatMap((kind) => Array.from({ length: AT_A_TIME }, () => kind)),
          (request) => Effect.repeat(request, Schedule.spaced("2 millis")),
          { concurrency: "unbounded", discard: true }
        ).pipe(Effect.forkScoped)
        const more = (count: number) =>
          Effect.suspend(() => {
            const enough = answered + count
            return until(
              `${count} more answers`,
              Effect.sync(() => answered >= enough),
              "60 seconds"
            )
          })
        yield* more(300)

        yield* first.signal("SIGTERM")
        // It says that it leaves, and serves on.
        yield* until(
          "it says that it leaves",
          Effect.promise(async () => (await fetch(`${first.url}/readyz`)).status === 503),
          "3 seconds"
        )
        const direct = yield* Effect.promise(() => fetch(`${first.url}/users/${alice}`))
        assert.deepEqual([direct.status, direct.headers.get("connection")], [200, "close"])
        const { code } = yield* first.ended
        yield* more(300)
        yield* Fiber.interrupt(load)

        assert.deepEqual(failures, [], output())
        assert.strictEqual(code, 0)
        for (const line of [/Stopping: .*4s \(DRAIN_DELAY\)/, /Draining: \d+ sockets/, /Mini Chat stopped/]) {
          assert.match(first.output(), line)
        }
      })
    )
  }
})
