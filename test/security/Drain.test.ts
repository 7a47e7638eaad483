import { connect } from "node:net"
import { assert, it } from "@effect/vitest"
import { Deferred, Effect } from "effect"
import { until } from "../faults/support/Until.ts"
import { freshDataDir } from "../support/Services.ts"
import { request } from "./support/Server.ts"
import { serverProcess } from "./support/ServerProcess.ts"

const ANSWERS = 8

const script = "GET /redoc/redoc.standalone.js HTTP/1.1\r\nHost: localhost\r\n\r\n"

/** Waits until a server takes no more connections. */
const takesNoMore = (url: string) =>
  until(
    "it takes no more",
    Effect.promise(() =>
      fetch(`${url}/livez`).then(
        () => false,
        () => true
      )
    ),
    "20 seconds"
  )

it.live("a server that stops lets a slow client read its answer to the end", () =>
  Effect.gen(function* () {
    const { dataDir } = yield* freshDataDir
    const server = yield* serverProcess({ DATA_DIR: dataDir, DRAIN_TIMEOUT: "30 seconds" })
    const { body } = yield* request(`${server.url}/redoc/redoc.standalone.js`)
    const received = yield* Deferred.make<number>()
    const socket = yield* Effect.acquireRelease(
      Effect.sync(() => connect({ port: server.port, host: "127.0.0.1" })),
      (socket) => Effect.sync(() => socket.destroy())
    )
    let bytes = 0
    socket.on("data", (chunk) => {
      bytes += chunk.length
    })
    socket.on("error", () => {})
    socket.on("close", () => Deferred.doneUnsafe(received, Effect.succeed(bytes)))
    socket.once("data", () => socket.pause())
    socket.write(script.repeat(ANSWERS))
    // Until its first answers are on their way it has no request in flight.
    yield* until(
      "it answers",
      Effect.sync(() => socket.bytesRead > 0),
      "20 seconds"
    )

    yield* server.signal("SIGTERM")
    yield* takesNoMore(server.url)
    socket.resume()
    assert.isAbove(yield* Deferred.await(received), ANSWERS * Buffer.byteLength(body))
    assert.strictEqual((yield* server.ended).code, 0)
  })
)

it.live("a server that stops waits for a client that does not read no longer than DRAIN_TIMEOUT", () =>
  Effect.gen(function* () {
    const { dataDir } = yield* freshDataDir
    const server = yield* serverProcess({
      DATA_DIR: dataDir,
      DRAIN_TIMEOUT: "1 second",
      SLOW_READER_TIMEOUT: "1 hour"
    })
    const socket = yield* Effect.acquireRelease(
      Effect.sync(() => connect({ port: server.port, host: "127.0.0.1" })),
      (socket) => Effect.sync(() => socket.destroy())
    )
    socket.on("error", () => {})
    socket.once("data", () => socket.pause())
    socket.write(script.repeat(ANSWERS))
    yield* until(
      "it answers",
      Effect.sync(() => socket.bytesRead > 0),
      "20 seconds"
    )
    yield* server.signal("SIGTERM")
    assert.strictEqual((yield* server.ended).code, 0)
  })
)

it.live("a handshake that a server gets while it stops is refused, and holds up nothing", () =>
  Effect.gen(function* () {
    const { dataDir } = yield* freshDataDir
    const server = yield* serverProcess({ DATA_DIR: dataDir, DRAIN_TIMEOUT: "1 hour" })
    const socket = yield* Effect.acquireRelease(
      Effect.sync(() => connect({ port: server.port, host: "127.0.0.1" })),
      (socket) => Effect.sync(() => socket.destroy())
    )
    const answer = yield* Deferred.make<string>()
    let received = ""
    socket.on("error", () => {})
    socket.on("data", (chunk) => {
      received += chunk
    })
    socket.on("close", () => Deferred.doneUnsafe(answer, Effect.succeed(received)))
    // The first request shows that the server knows the connection; of the second one it has a part when it is stopped.
    const handshake = "GET /ws/1 HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    socket.write(`GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n${handshake}`)
    yield* until(
      "it answers the first request",
      Effect.sync(() => received.includes('"OK"')),
      "20 seconds"
    )

    yield* server.signal("SIGTERM")
    yield* takesNoMore(server.url)
    socket.write("Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    assert.match(yield* Deferred.await(answer), /HTTP\/1\.1 503 /)
    assert.strictEqual((yield* server.ended).code, 0)
  })
)
