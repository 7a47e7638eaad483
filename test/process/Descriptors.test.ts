import { Agent, get } from "node:http"
import { connect, type Socket } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { startProcess } from "../support/ServerProcess.ts"
import { freshDataDir } from "../support/Services.ts"
import { until } from "../support/Until.ts"
import { assertRefusal, TIMEOUT } from "./ServerProcess.ts"

/** Starts the server where a process may open so many files. */
const startWith = Effect.fnUntraced(function* (files: number) {
  const { dataDir } = yield* freshDataDir
  const script = `ulimit -n ${files}; exec "$0" src/main.ts`
  return yield* startProcess({ DATA_DIR: dataDir }, ["bash", "-c", script, process.execPath])
})

/** The status of a path, asked over one connection that stays open. */
const keptOpen = (url: string) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => new Agent({ keepAlive: true, maxSockets: 1 })),
      (agent) => Effect.sync(() => agent.destroy())
    ),
    (agent) => (path: string) =>
      Effect.callback<number>((resume) => {
        get(`${url}${path}`, { agent }, (response) => {
          response.resume().once("end", () => resume(Effect.succeed(response.statusCode!)))
        }).once("error", (error) => resume(Effect.die(error)))
      })
  )

describe("a server without descriptors", TIMEOUT, () => {
  it.live("says so once with what to raise, is not ready, and heals when connections end", () =>
    Effect.gen(function* () {
      const server = yield* startWith(300)
      const url = yield* server.listening
      const ask = yield* keptOpen(url)
      assert.strictEqual(yield* ask("/readyz"), 200)
      const clients: Array<Socket> = []
      yield* Effect.addFinalizer(() => Effect.sync(() => clients.forEach((client) => client.destroy())))
      for (let i = 0; i < 300; i++) {
        clients.push(connect(Number(new URL(url).port), "127.0.0.1").on("error", () => {}))
      }

      const [line] = yield* server.logged(/No descriptors are left.*/)
      assert.match(line, /may open 300 files.*ulimit -n.*MAX_SOCKETS/)
      assert.strictEqual(yield* ask("/readyz"), 503)
      assert.strictEqual(yield* ask("/users/"), 200)

      for (const client of clients) client.destroy()
      yield* server.logged(/Descriptors are left again/)
      yield* until(Effect.map(ask("/readyz"), (status) => status === 200))
      assert.strictEqual((yield* Effect.promise(() => fetch(`${url}/readyz`))).status, 200)
      assert.strictEqual(server.output().split("No descriptors").length, 2)
    })
  )

  it.live("is not started where it could not serve", () =>
    Effect.gen(function* () {
      const server = yield* startWith(100)
      assertRefusal(yield* server.ended, /may open 100 files at most \(ulimit -n\), and needs 256/)
    })
  )
})
