import { randomBytes } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Redacted } from "effect"
import { networkFrom, type Settings } from "../../src/AppConfig.ts"
import { makeKeys } from "../security/support/Tokens.ts"
import { freshEmbedded } from "../support/EmbeddedPool.ts"
import { databaseUrl, freshDatabase, freshRedis, redisUrl } from "../support/Services.ts"
import { startServer, type TestServer } from "../support/TestServer.ts"
import { openSocket } from "../support/TestSocket.ts"
import { type ReceivedSpan, startCollector } from "./Collector.ts"

const newTrace = () => {
  const traceId = randomBytes(16).toString("hex")
  const spanId = randomBytes(8).toString("hex")
  return { traceId, spanId, sampled: `00-${traceId}-${spanId}-01`, notSampled: `00-${traceId}-${spanId}-00` }
}

const post = (
  server: { readonly url: string },
  path: string,
  body: object,
  headers: Record<string, string> = {}
) =>
  Effect.promise(async () => {
    const response = await fetch(server.url + path, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body)
    })
    assert.strictEqual(response.status, 200)
    return (await response.json()) as { readonly id: number }
  })

const tracedTo = (url: string, serviceName: string) =>
  ({
    otlpEndpoint: Option.some(Redacted.make(url)),
    otlpHeaders: Redacted.make({ "x-api-key": "collector key" }),
    otlpProtocol: "http/json",
    serviceName,
    // The tests decide what is recorded.
    trustedProxies: Option.toArray(networkFrom("127.0.0.1"))
  }) satisfies Partial<Settings>

/** The spans of a trace by name, each of which is there once. */
const byName = (spans: ReadonlyArray<ReceivedSpan>, traceId: string) => {
  const ofTrace = spans.filter((span) => span.traceId === traceId)
  const named = new Map(ofTrace.map((span) => [span.name, span]))
  assert.strictEqual(named.size, ofTrace.length, ofTrace.map(({ name }) => name).join(", "))
  return (name: string) => named.get(name) ?? assert.fail(`no span ${name} among ${[...named.keys()]}`)
}

/** Sends on one server what a socket of another gets; answers once it is there. */
const sendAcross = Effect.fnUntraced(function* (
  from: TestServer,
  to: TestServer,
  message: { readonly sender_id: number; readonly receiver_id: number; readonly content: string },
  headers: Record<string, string>
) {
  const { authorization } = headers
  const socket = yield* openSocket(`${to.webSocketUrl}/ws/${message.receiver_id}`, {
    headers: authorization === undefined ? {} : { authorization }
  })
  yield* socket.nextOf("system")
  yield* post(from, "/messages/", message, headers)
  yield* socket.nextOf("message")
}, Effect.scoped)

/** POST → send → commit → batch → statement, and send → publish → socket write. */
const assertOneTrace = (
  span: (name: string) => ReceivedSpan,
  caller: string,
  {
    sender,
    receiver,
    database
  }: { readonly sender: string; readonly receiver: string; readonly database: string }
) => {
  const request = span("POST /messages")
  const statement = span(database)
  assert.strictEqual(request.parentSpanId, caller)
  assert.include(request.attributes, { "http.route": "/messages", "http.response.status_code": 200 })
  assert.strictEqual(span("send").parentSpanId, request.spanId)
  assert.strictEqual(span("commit").parentSpanId, span("send").spanId)
  assert.strictEqual(span("batch").parentSpanId, span("commit").spanId)
  assert.strictEqual(statement.parentSpanId, span("batch").spanId)
  assert.match(String(statement.attributes["db.query.text"]), /send_direct_messages/)
  assert.strictEqual(span("publish").parentSpanId, span("send").spanId)
  assert.strictEqual(span("socket write").parentSpanId, span("publish").spanId)
  for (const name of ["POST /messages", "send", "commit", "batch", "publish"]) {
    assert.strictEqual(span(name).service, sender, name)
  }
  assert.strictEqual(span("socket write").service, receiver)
}

describe("tracing", () => {
  it.live("a send is one trace, from the caller's to the socket, and what nobody asked for is none", () =>
    Effect.gen(function* () {
      const collector = yield* startCollector
      const trace = newTrace()
      const unwanted = newTrace()
      yield* Effect.scoped(
        Effect.gen(function* () {
          const server = yield* startServer({
            ...(yield* freshEmbedded),
            ...tracedTo(collector.url, "only"),
            tracesSampled: 0
          })
          const alice = yield* post(server, "/users/", { username: "alice" })
          const bob = yield* post(server, "/users/", { username: "bob" })
          const message = { sender_id: alice.id, receiver_id: bob.id, content: "hello" }
          yield* Effect.promise(() =>
            fetch(`${server.url}/readyz`, { headers: { traceparent: trace.sampled } })
          )
          yield* sendAcross(server, server, message, {})
          yield* sendAcross(server, server, message, { traceparent: unwanted.notSampled })
          yield* sendAcross(server, server, message, { traceparent: trace.sampled })
        })
      )

      const spans = yield* collector.spans
      assert.deepEqual([...new Set(spans.map(({ traceId }) => traceId))], [trace.traceId])
      assertOneTrace(byName(spans, trace.traceId), trace.spanId, {
        sender: "only",
        receiver: "only",
        database: "postgres"
      })
      assert.include(collector.headers[0], { "x-api-key": "collector key", path: "/v1/traces" })
    })
  )

  describe.runIf(databaseUrl !== undefined && redisUrl !== undefined)("of two nodes", () => {
    it.live("a send on one node and its delivery by another are one trace, without content or token", () =>
      Effect.gen(function* () {
        const collector = yield* startCollector
        const keys = yield* makeKeys()
        const shared = { ...(yield* freshDatabase), ...(yield* freshRedis), ...keys.settings }
        const service = yield* keys.mint({ scope: "service" })
        const authorization = `Bearer ${service}`
        const trace = newTrace()
        yield* Effect.scoped(
          Effect.gen(function* () {
            const first = yield* startServer({ ...shared, ...tracedTo(collector.url, "first") })
            const second = yield* startServer({ ...shared, ...tracedTo(collector.url, "second") })
            const alice = yield* post(first, "/users/", { username: "alice" }, { authorization })
            const bob = yield* post(first, "/users/", { username: "bob" }, { authorization })
            const message = { sender_id: alice.id, receiver_id: bob.id, content: "a secret between us" }
            yield* sendAcross(first, second, message, { authorization, traceparent: trace.sampled })
            const socket = yield* openSocket(`${first.webSocketUrl}/ws/${alice.id}`, {
              headers: { authorization }
            })
            yield* socket.send({ type: "send", receiver_id: bob.id, content: "another secret" })
            yield* socket.nextOf("ack")
          })
        )

        const spans = yield* collector.spans
        assertOneTrace(byName(spans, trace.traceId), trace.spanId, {
          sender: "first",
          receiver: "second",
          database: new URL(Redacted.value(Option.getOrThrow(shared.databaseUrl))).pathname.slice(1)
        })
        // Other requests and sends are traces of their own. Sockets and the work of the background are none.
        assert.deepEqual(
          spans.filter(({ parentSpanId }) => parentSpanId === undefined).map(({ name }) => name),
          ["POST /users", "POST /users", "socket send"]
        )
        for (const body of collector.bodies) {
          assert.notInclude(body, "secret")
          assert.notInclude(body, service)
          assert.notInclude(body.toLowerCase(), "bearer")
        }
      })
    )
  })
})
