import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { assert, it } from "@effect/vitest"
import { ByteSize, Effect } from "effect"
import { HttpIncomingMessage, HttpServerRequest, HttpServerResponse } from "effect/http"
import { readBody } from "../../src/http/RequestBody.ts"
import { discardResult } from "../../src/RequestContext.ts"
import { rawSocket, statusOf } from "../security/support/RawSocket.ts"
import { until } from "../support/Until.ts"

const LIMIT = 100

const CHARACTERS = "é — 😀"

/** A server that answers what each reader of a body gets. */
const bodyServer = Effect.gen(function* () {
  let begun = 0
  let interrupted = 0
  const app = Effect.gen(function* () {
    begun++
    const request = yield* HttpServerRequest.HttpServerRequest
    const body = yield* readBody(request)
    const text = yield* request.text
    const buffer = yield* request.arrayBuffer
    return HttpServerResponse.jsonUnsafe({
      body: Buffer.from(body).toString("hex"),
      text,
      buffer: Buffer.from(buffer).toString("hex"),
      again: yield* request.text
    })
  }).pipe(
    // As routes are run.
    Effect.interruptible,
    Effect.onInterrupt(() => Effect.sync(() => interrupted++)),
    Effect.catchCause(() => Effect.succeed(HttpServerResponse.empty({ status: 413 }))),
    Effect.provideService(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(LIMIT))
  )
  const scope = yield* Effect.scope
  const handle = yield* NodeHttpServer.makeHandler(app, { scope, middleware: discardResult<typeof app> })
  const server = createServer(handle)
  server.on("checkContinue", (incoming, response) => {
    response.writeContinue()
    handle(incoming, response)
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
    () => Effect.sync(() => server.close().closeAllConnections())
  )
  return { port: (server.address() as AddressInfo).port, begun: () => begun, interrupted: () => interrupted }
})

/** What is answered to a request that is written in these parts, each once the server has had time for the one before. */
const answered = Effect.fnUntraced(function* (port: number, ...parts: ReadonlyArray<string | Buffer>) {
  const socket = yield* rawSocket(port)
  for (const part of parts) {
    yield* socket.write(part)
    yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
  }
  return yield* socket.until("the whole answer", () => {
    const [head, body] = socket
      .received()
      .toString("utf8")
      .split(/\r\n\r\n(?=[{]|$)/)
    return body === undefined
      ? undefined
      : { status: statusOf(head!), ...(body === "" ? {} : JSON.parse(body)) }
  })
}, Effect.scoped)

const head = (...headers: ReadonlyArray<string>) =>
  `${["POST / HTTP/1.1", "host: x", ...headers].join("\r\n")}\r\n\r\n`

const bytes = Buffer.from(CHARACTERS)

const whole = {
  body: bytes.toString("hex"),
  text: CHARACTERS,
  buffer: bytes.toString("hex"),
  again: CHARACTERS
}

it.effect(
  "a body is the same for each reader: in one part or in several, of known length or not, announced or not",
  () =>
    Effect.gen(function* () {
      const { port } = yield* bodyServer
      const length = `content-length: ${bytes.length}`
      const [start, end] = [bytes.subarray(0, 4), bytes.subarray(4)]
      const requests = {
        "in one part": [Buffer.concat([Buffer.from(head(length)), bytes])],
        "in three parts, one of which ends within a character": [head(length), start, end],
        "of unknown length": [
          head("transfer-encoding: chunked"),
          `${bytes.length.toString(16)}\r\n`,
          bytes,
          "\r\n0\r\n\r\n"
        ],
        "after 100 Continue": [head(length, "expect: 100-continue"), bytes]
      }
      for (const [how, parts] of Object.entries(requests)) {
        const { status, ...answer } = yield* answered(port, ...parts)
        assert.deepEqual(answer, whole, how)
      }
    })
)

it.effect("the text has no byte order mark, and the bytes have it", () =>
  Effect.gen(function* () {
    const { port } = yield* bodyServer
    const body = Buffer.from("\uFEFF{}")
    const answer = yield* answered(port, head(`content-length: ${body.length}`), body)
    assert.include(answer, { body: body.toString("hex"), text: "{}", buffer: body.toString("hex") })
  })
)

it.effect(
  "an empty body is empty, and one beyond the limit is refused, also when its length is not declared",
  () =>
    Effect.gen(function* () {
      const { port } = yield* bodyServer
      const long = "x".repeat(LIMIT + 1)
      assert.include(yield* answered(port, head("content-length: 0")), { text: "", body: "" })
      assert.include(yield* answered(port, head(`content-length: ${LIMIT}`), "x".repeat(LIMIT)), {
        text: "x".repeat(LIMIT)
      })
      assert.include(yield* answered(port, head(`content-length: ${long.length}`), long), { status: 413 })
      const chunk = `${long.length.toString(16)}\r\n${long}\r\n0\r\n\r\n`
      assert.include(yield* answered(port, head("transfer-encoding: chunked"), chunk), { status: 413 })
    })
)

it.live("a client that hangs up within its body ends the reading", () =>
  Effect.gen(function* () {
    const { port, begun, interrupted } = yield* bodyServer
    const socket = yield* rawSocket(port)
    yield* socket.write(head("content-length: 10"))
    yield* socket.write("x")
    yield* until(Effect.sync(() => begun() === 1))
    yield* Effect.sync(() => socket.socket.destroy())
    yield* until(Effect.sync(() => interrupted() === 1))
  })
)
