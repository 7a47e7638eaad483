import { createServer, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer, References } from "effect"
import { HttpServerResponse } from "effect/http"
import { ServiceUnavailable } from "../../src/api/Problems.ts"
import { Answers } from "../../src/http/Answers.ts"
import * as Boundary from "../../src/http/Boundary.ts"
import { type LateAnswer, LateAnswers } from "../../src/http/LateAnswers.ts"
import { Lifecycle } from "../../src/Lifecycle.ts"
import { Metrics } from "../../src/observability/Metrics.ts"
import { NodeId } from "../../src/presence/NodeId.ts"
import { discardResult } from "../../src/RequestContext.ts"
import { rawSocket, statusOf } from "../security/support/RawSocket.ts"
import { settings } from "../support/Services.ts"
import { until } from "../support/Until.ts"

const services = Layer.mergeAll(Answers.layer, LateAnswers.layer, Lifecycle.layer, NodeId.layer).pipe(
  Layer.provideMerge(settings({ corsOrigins: ["https://app.example"] })),
  Layer.merge(Layer.succeed(References.MinimumLogLevel, "None"))
)

/** A server that answers every request late, when the test says so or at once, and what it counted and released. */
const lateServer = Effect.fnUntraced(function* (
  answer: ReturnType<LateAnswer["answer"]>,
  { isDueAtOnce = false } = {}
) {
  const counted: Array<number> = []
  const responses: Array<ServerResponse> = []
  const due: Array<() => void> = []
  let released = 0
  const { Response } = yield* Answers
  const { serve, defer } = yield* LateAnswers
  const metrics = {
    ...(yield* Metrics),
    request: (_: string, __: string, status: number) => counted.push(status)
  }
  const boundary = yield* Effect.provideService(Boundary.make, Metrics, metrics)
  yield* serve(boundary)
  const app = boundary.around(
    defer({
      whenDue: (answer) => (isDueAtOnce ? answer() : due.push(answer)),
      release: () => released++,
      answer: () => answer
    })
  )
  const scope = yield* Effect.scope
  const handle = yield* NodeHttpServer.makeHandler(app, { scope, middleware: discardResult<typeof app> })
  const server = createServer({ ServerResponse: Response }, (incoming, response) => {
    responses.push(response)
    handle(incoming, response)
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
    () => Effect.sync(() => server.close().closeAllConnections())
  )

  const { port } = server.address() as AddressInfo
  const socket = yield* rawSocket(port)
  /** Sends a request on the one connection of the test, and waits until its answer is deferred. */
  const request = Effect.fnUntraced(function* (method: string, ...headers: ReadonlyArray<string>) {
    const waiting = due.length
    yield* socket.write([`${method} / HTTP/1.1`, "Host: localhost", ...headers, "", ""].join("\r\n"))
    if (!isDueAtOnce) yield* until(Effect.sync(() => due.length > waiting))
  })
  const answered = (end: string) =>
    socket.until(`an answer with ${end}`, () => {
      const text = String(socket.received())
      return text.endsWith(end) ? text : undefined
    })
  return { socket, request, answered, counted, responses, due, released: () => released }
})

const hello = Effect.succeed(HttpServerResponse.text("hello"))

layer(services, { excludeTestServices: true })("a late answer", (it) => {
  it.effect("is like one that is not late, and its connection serves the next request", () =>
    Effect.gen(function* () {
      const { socket, request, answered, counted, due, released } = yield* lateServer(hello)
      yield* request("GET", "Origin: https://app.example")
      assert.lengthOf(socket.received(), 0)
      assert.deepEqual([counted, released()], [[], 0])

      due[0]!()

      const answer = yield* answered("hello")
      assert.strictEqual(statusOf(answer), 200)
      assert.match(answer, /access-control-allow-origin: https:\/\/app.example\r\n/)
      assert.match(answer, /x-content-type-options: nosniff\r\n/)
      assert.deepEqual([counted, released()], [[200], 1])

      yield* request("HEAD")
      due[1]!()
      assert.match((yield* answered("\r\n\r\n")).slice(answer.length), /^HTTP\/1.1 200 OK\r\n/)
      assert.deepEqual([counted, released()], [[200, 200], 2])
    })
  )

  it.effect("may be due as soon as it is deferred", () =>
    Effect.gen(function* () {
      const later = Effect.andThen(Effect.yieldNow, hello)
      const { request, answered, counted, released } = yield* lateServer(later, { isDueAtOnce: true })
      yield* request("GET")
      assert.strictEqual(statusOf(yield* answered("hello")), 200)
      assert.deepEqual([counted, released()], [[200], 1])
    })
  )

  it.effect("that fails is a problem, under the id of its request", () =>
    Effect.gen(function* () {
      const failures = [
        [503, Effect.fail(new ServiceUnavailable({ detail: "away" }))],
        [500, Effect.die(new Error("a bug"))]
      ] as const
      for (const [status, failure] of failures) {
        const { request, answered, counted, due, released } = yield* lateServer(failure)
        yield* request("GET", "X-Request-Id: the-callers-own")
        due[0]!()
        const answer = yield* answered("}")
        assert.strictEqual(statusOf(answer), status)
        assert.match(answer, /x-request-id: the-callers-own\r\n/)
        assert.match(answer, /content-type: application\/problem\+json/)
        assert.deepEqual([counted, released()], [[status], 1])
      }
    })
  )

  it.effect("whose client hangs up before it is due is released and counted once", () =>
    Effect.gen(function* () {
      const { socket, request, counted, due, released } = yield* lateServer(hello)
      yield* request("GET")

      socket.socket.destroy()

      yield* until(Effect.sync(() => released() > 0))
      due[0]!()
      yield* Effect.yieldNow
      assert.deepEqual([counted, released()], [[499], 1])
    })
  )

  it.effect("keeps nothing of its request but what it needs", () =>
    Effect.gen(function* () {
      const { request, answered, due, responses } = yield* lateServer(hello)
      yield* request(
        "GET",
        "Origin: https://app.example",
        "Authorization: Bearer a-long-token",
        "Cookie: a=b"
      )
      const [response] = responses

      assert.deepEqual(response!.req.headers, { host: "localhost", origin: "https://app.example" })
      assert.deepEqual(response!.req.rawHeaders, [])
      // The platform's listeners hold the fiber of the request. What is left are Node's and the response's own.
      assert.strictEqual(response!.listenerCount("finish"), 1)
      assert.strictEqual(response!.listenerCount("close"), 1)

      due[0]!()
      yield* answered("hello")
    })
  )
})
