import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { freshEmbedded } from "../support/EmbeddedPool.ts"
import { startServer } from "../support/TestServer.ts"
import { until } from "../support/Until.ts"
import { rawSocket } from "./support/RawSocket.ts"
import { request } from "./support/Server.ts"

/** How many connections of one address may wait for a request. */
const BOUND = 1024

it.live("an address keeps so many connections without a request, and others are served meanwhile", () =>
  Effect.gen(function* () {
    const { url, port } = yield* startServer(yield* freshEmbedded)
    const sockets = yield* Effect.forEach(
      Array.from({ length: BOUND + 100 }),
      () => Effect.tap(rawSocket(port), ({ write }) => write("GET /health HTTP/1.1\r\nX-Slow: ")),
      { concurrency: 100 }
    )

    const open = () => sockets.filter(({ socket }) => !socket.destroyed).length
    yield* until(Effect.sync(() => open() <= BOUND))

    assert.isAbove(open(), BOUND - 50, "the others stay until HEADERS_TIMEOUT")
    assert.strictEqual((yield* request(`${url}/health`)).status, 200)
  })
)
