import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it, layer } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Option, Redacted, References, Tracer } from "effect"
import { PrometheusMetrics } from "effect/observability"
import { Sends } from "../../src/chat/Sends.ts"
import { Epoch } from "../../src/Epoch.ts"
import * as Metrics from "../../src/observability/Metrics.ts"
import { Redis } from "../../src/redis/Redis.ts"
import { RedisBus } from "../../src/redis/RedisBus.ts"
import { freshEmbedded } from "../support/EmbeddedPool.ts"
import { followersOf } from "../support/Followers.ts"
import { settings } from "../support/Services.ts"
import { startServer, typedClient } from "../support/TestServer.ts"
import { openSocket } from "../support/TestSocket.ts"
import { until } from "../support/Until.ts"
import { growth, only, type Scrape, scrape } from "./Scrape.ts"

/** One server for the file. Its tests follow one another, so that each sees the growth of its own traffic. */
class Node extends Context.Service<Node, Effect.Success<typeof startNode>>()("test/observability/Node") {
  static readonly layer = Layer.effect(
    Node,
    Effect.suspend(() => startNode)
  )
}

const startNode = Effect.gen(function* () {
  const spans: Array<string> = []
  const recorder = Tracer.make({
    span: (options) => {
      spans.push(options.name)
      return Tracer.nativeTracer.span(options)
    }
  })
  const server = yield* startServer(yield* freshEmbedded).pipe(Effect.provideService(Tracer.Tracer, recorder))
  const client = yield* typedClient(server)
  let users = 0
  const newUser = Effect.suspend(() => client.users.create({ payload: { username: `user${users++}` } }))
  const post = (body: object) =>
    Effect.promise(async () => {
      const response = await fetch(`${server.url}/messages/`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body)
      })
      await response.arrayBuffer()
      return response.status
    })
  const get = (path: string, init: RequestInit = {}) =>
    Effect.promise(async (signal) => {
      const response = await fetch(server.url + path, { signal, ...init })
      await response.arrayBuffer()
      return response.status
    })
  return { server, newUser, post, get, spans, scraped: scrape(server) }
})

/** Waits until a series has grown by so much. */
const grownTo = (scraped: Effect.Effect<Scrape>, before: Scrape, series: string, by: number) =>
  until(Effect.map(scraped, (now) => (now.get(series) ?? 0) - (before.get(series) ?? 0) === by))

layer(Node.layer, { excludeTestServices: true })("metrics", (it) => {
  it.effect("requests are counted by route, method and status, and every unknown path is one route", () =>
    Effect.gen(function* () {
      const { newUser, post, get, scraped } = yield* Node
      const before = yield* scraped
      const alice = yield* newUser
      const bob = yield* newUser
      yield* post({ sender_id: alice.id, receiver_id: bob.id, content: "one" })
      yield* post({ sender_id: alice.id, receiver_id: bob.id, content: "two" })
      yield* post({ sender_id: alice.id, receiver_id: 999_999, content: "three" })
      yield* post({ sender_id: alice.id, receiver_id: bob.id, content: "" })
      yield* get(`/users/${bob.id}`)
      yield* get(`/users/${alice.id}/`)
      yield* get(`/users/${alice.id}`, { method: "HEAD" })
      yield* get("/users/999999")
      yield* get(`/messages/?user_id=${alice.id}`)
      yield* get("/nowhere/1")
      yield* get("/nowhere/2")
      yield* get("/users/1", { method: "PUT" })
      yield* get("/users/1", { method: "OPTIONS" })
      const grown = growth(before, yield* scraped)

      assert.deepEqual(only(grown, "minichat_http_requests_total"), {
        'minichat_http_requests_total{route="/metrics",method="GET",status="200"}': 1,
        'minichat_http_requests_total{route="/users",method="POST",status="200"}': 2,
        'minichat_http_requests_total{route="/messages",method="POST",status="200"}': 2,
        'minichat_http_requests_total{route="/messages",method="POST",status="404"}': 1,
        'minichat_http_requests_total{route="/messages",method="POST",status="422"}': 1,
        'minichat_http_requests_total{route="/users/:user_id",method="GET",status="200"}': 2,
        'minichat_http_requests_total{route="/users/:user_id",method="HEAD",status="200"}': 1,
        'minichat_http_requests_total{route="/users/:user_id",method="GET",status="404"}': 1,
        'minichat_http_requests_total{route="/messages",method="GET",status="200"}': 1,
        'minichat_http_requests_total{route="unmatched",method="GET",status="404"}': 2,
        'minichat_http_requests_total{route="unmatched",method="PUT",status="405"}': 1,
        'minichat_http_requests_total{route="/users/:user_id",method="OPTIONS",status="204"}': 1
      })
      assert.strictEqual(grown['minichat_http_request_duration_seconds_count{route="/messages"}'], 5)
      assert.strictEqual(
        grown['minichat_http_request_duration_seconds_bucket{route="/messages",le="+Inf"}'],
        5
      )
    })
  )

  it.effect("a request that its caller gave up is counted as 499", () =>
    Effect.gen(function* () {
      const { server, newUser, get, scraped } = yield* Node
      const alice = yield* newUser
      const before = yield* scraped
      const polling = yield* Effect.forkChild(get(`/users/${alice.id}/events?since=0&wait=25`))
      yield* until(Effect.map(followersOf(server.services, alice.id), (polls) => polls === 1))
      yield* Fiber.interrupt(polling)
      yield* grownTo(
        scraped,
        before,
        'minichat_http_requests_total{route="/users/:user_id/events",method="GET",status="499"}',
        1
      )
    })
  )

  it.effect("sends are counted by result, by REST and by socket", () =>
    Effect.gen(function* () {
      const { server, newUser, post, scraped } = yield* Node
      const alice = yield* newUser
      const bob = yield* newUser
      const before = yield* scraped
      const message = { sender_id: alice.id, receiver_id: bob.id, content: "hello" }
      yield* post(message)
      yield* post({ ...message, client_id: "c1" })
      yield* post({ ...message, client_id: "c1" })
      yield* post({ ...message, client_id: "c1", content: "another" })
      yield* post({ ...message, receiver_id: 999_999 })
      yield* post({ ...message, sender_id: 999_999 })
      const socket = yield* openSocket(`${server.webSocketUrl}/ws/${alice.id}`)
      yield* socket.send({ type: "send", receiver_id: bob.id, content: "by socket" })
      yield* socket.nextOf("ack")
      const grown = growth(before, yield* scraped)

      assert.deepEqual(only(grown, "minichat_sends_total"), {
        'minichat_sends_total{result="sent"}': 3,
        'minichat_sends_total{result="repeat"}': 1,
        'minichat_sends_total{result="conflict"}': 1,
        'minichat_sends_total{result="receiver_not_found"}': 1,
        'minichat_sends_total{result="sender_not_found"}': 1
      })
      assert.strictEqual(grown.minichat_send_batch_size_sum, 7)
      assert.strictEqual(grown.minichat_send_batch_size_count, 7)
    })
  )

  it.effect("events are counted as each socket is handed them, with their lag, and open sockets are", () =>
    Effect.gen(function* () {
      const { server, newUser, post, scraped } = yield* Node
      const alice = yield* newUser
      const bob = yield* newUser
      const before = yield* scraped
      const phone = yield* openSocket(`${server.webSocketUrl}/ws/${bob.id}`)
      const laptop = yield* openSocket(`${server.webSocketUrl}/ws/${bob.id}`)
      const own = yield* openSocket(`${server.webSocketUrl}/ws/${alice.id}`, { protocols: ["minichat.v2"] })
      yield* post({ sender_id: alice.id, receiver_id: bob.id, content: "one" })
      yield* post({ sender_id: alice.id, receiver_id: bob.id, content: "two" })
      for (const { nextOf } of [phone, laptop]) yield* Effect.replicateEffect(nextOf("message"), 2)
      yield* Effect.replicateEffect(own.nextOf("message_sent"), 2)
      const after = yield* scraped
      const grown = growth(before, after)

      assert.strictEqual(grown.minichat_events_delivered_total, 6)
      // One's own message is no delivery that anybody waits for.
      assert.strictEqual(grown.minichat_delivery_lag_seconds_count, 4)
      assert.isAtLeast(grown.minichat_delivery_lag_seconds_sum ?? 0, 0)
      assert.isBelow(grown.minichat_delivery_lag_seconds_sum ?? 0, 60)
      assert.strictEqual(grown.minichat_sockets, 3)
      assert.strictEqual(
        grown['minichat_http_requests_total{route="/ws/:user_id",method="GET",status="101"}'],
        3
      )
      assert.notProperty(grown, 'minichat_http_request_duration_seconds_count{route="/ws/:user_id"}')
    })
  )

  it.effect("a message to a group counts with its lag for each other member, and not for its sender", () =>
    Effect.gen(function* () {
      const { server, newUser, post, scraped } = yield* Node
      const [alice, bob] = [yield* newUser, yield* newUser]
      const { id } = yield* Effect.promise(async () => {
        const body = { user_id: alice.id, kind: "group", title: "hike", member_ids: [bob.id] }
        const headers = { "content-type": "application/json" }
        const request = { method: "POST", headers, body: JSON.stringify(body) }
        return (await fetch(`${server.url}/conversations/`, request)).json() as Promise<{ id: number }>
      })
      const before = yield* scraped
      const protocols = ["minichat.v2"]
      const others = yield* openSocket(`${server.webSocketUrl}/ws/${bob.id}`, { protocols })
      const own = yield* openSocket(`${server.webSocketUrl}/ws/${alice.id}`, { protocols })
      yield* post({ sender_id: alice.id, conversation_id: id, content: "who comes?" })
      yield* others.nextOf("message")
      yield* own.nextOf("message_sent")
      const grown = growth(before, yield* scraped)

      assert.strictEqual(grown.minichat_events_delivered_total, 2)
      assert.strictEqual(grown.minichat_delivery_lag_seconds_count, 1)
    })
  )

  it.effect("a resume is a catch-up of so many events, and says nothing about lag", () =>
    Effect.gen(function* () {
      const { server, newUser, post, scraped } = yield* Node
      const alice = yield* newUser
      const bob = yield* newUser
      for (const content of ["one", "two", "three"]) {
        yield* post({ sender_id: alice.id, receiver_id: bob.id, content })
      }
      const before = yield* scraped
      const socket = yield* openSocket(`${server.webSocketUrl}/ws/${bob.id}?since=0`)
      yield* Effect.replicateEffect(socket.nextOf("message"), 3)
      yield* grownTo(scraped, before, "minichat_catch_up_events_count", 1)
      const grown = growth(before, yield* scraped)

      assert.strictEqual(grown.minichat_catch_up_events_sum, 3)
      assert.strictEqual(grown.minichat_events_delivered_total, 3)
      assert.notProperty(grown, "minichat_delivery_lag_seconds_count")
    })
  )

  it.effect("the end of a socket is counted by the code of the end that closed first", () =>
    Effect.gen(function* () {
      const { server, newUser, scraped } = yield* Node
      const alice = yield* newUser
      const before = yield* scraped
      const open = openSocket(`${server.webSocketUrl}/ws/${alice.id}`)
      const ends = (code: number | string) =>
        grownTo(scraped, before, `minichat_socket_closes_total{code="${code}"}`, 1)

      const polite = yield* open
      polite.socket.close(1000)
      yield* ends(1000)
      const silent = yield* open
      silent.socket.close()
      yield* ends(1005)
      const inventive = yield* open
      inventive.socket.close(4321)
      yield* ends("other")
      const lost = yield* open
      lost.socket.terminate()
      yield* ends(1006)
      const huge = yield* open
      yield* huge.send("x".repeat(70_000))
      yield* ends(1009)
      const rude = yield* open
      yield* Effect.replicateEffect(rude.send("nonsense"), 20)
      yield* ends(1008)
      const nobody = yield* openSocket(`${server.webSocketUrl}/ws/999999`)
      assert.strictEqual((yield* nobody.closed).code, 4004)
      yield* ends(4004)

      const grown = growth(before, yield* scraped)
      assert.lengthOf(Object.keys(only(grown, "minichat_socket_closes_total")), 7)
      assert.notProperty(grown, "minichat_sockets")
    })
  )

  it.effect("a peer that reads nothing shows as bytes that wait", () =>
    Effect.gen(function* () {
      const { server, newUser, scraped } = yield* Node
      const { sendAll } = Context.get(server.services, Sends)
      const alice = yield* newUser
      const bob = yield* newUser
      const stalled = yield* openSocket(`${server.webSocketUrl}/ws/${bob.id}`)
      stalled.socket.pause()
      const draft = { sender_id: alice.id, receiver_id: bob.id, content: "漢".repeat(1000) }
      yield* until(
        sendAll(Array(500).fill(draft)).pipe(
          Effect.andThen(scraped),
          Effect.map((now) => (now.get("minichat_socket_queue_bytes") ?? 0) > 0)
        )
      )
      const before = yield* scraped
      stalled.socket.resume()
      yield* until(Effect.map(scraped, (now) => now.get("minichat_socket_queue_bytes") === 0))
      // It waited for the peer, which is not the server's lag.
      assert.notProperty(growth(before, yield* scraped), "minichat_delivery_lag_seconds_count")
    })
  )

  it.effect("the process and what it depends on are read when they are asked for", () =>
    Effect.gen(function* () {
      const { scraped } = yield* Node
      const now = yield* scraped
      assert.isAbove(now.get("process_resident_memory_bytes") ?? 0, 10_000_000)
      assert.isAbove(now.get("minichat_heap_used_bytes") ?? 0, 1_000_000)
      assert.isAtLeast(now.get("minichat_event_loop_lag_seconds") ?? -1, 0)
      assert.strictEqual(now.get("minichat_bus_up"), 1)
      assert.isAtLeast(now.get("minichat_db_connections_in_use") ?? -1, 0)
    })
  )

  it.effect("whatever the dashboard and the alerts ask for is there, with the labels that they use", () =>
    Effect.gen(function* () {
      const { scraped } = yield* Node
      const served = new Map<string, Set<string>>()
      for (const key of (yield* scraped).keys()) {
        const name = key.split("{", 1)[0]!
        const labels = [...key.matchAll(/([a-z]+)="/g)].map(([, label]) => label!)
        served.set(name, new Set([...(served.get(name) ?? []), ...labels]))
      }
      const asked = ["grafana.json", "alerts.yml"].flatMap((file) =>
        askedFor(readFileSync(join(import.meta.dirname, "../../deploy", file), "utf8").replaceAll('\\"', '"'))
      )
      assert.isAbove(asked.length, 30)
      for (const { name, labels } of asked) {
        const known = served.get(name) ?? assert.fail(`${name} is not served`)
        for (const label of labels) assert.include(known, label, name)
      }
    })
  )

  it.effect("without a collector for traces, nothing of what a node does makes a span", () =>
    Effect.gen(function* () {
      const { server, newUser, post, spans } = yield* Node
      const alice = yield* newUser
      const bob = yield* newUser
      const socket = yield* openSocket(`${server.webSocketUrl}/ws/${bob.id}`)
      yield* post({ sender_id: alice.id, receiver_id: bob.id, content: "hello" })
      yield* socket.nextOf("message")
      assert.isEmpty(spans)
    })
  )
})

it.live("a node whose Redis is unavailable says so", () =>
  Effect.gen(function* () {
    const away = settings({ redisUrl: Option.some(Redacted.make("redis://127.0.0.1:1")) })
    const quiet = Layer.succeed(References.MinimumLogLevel, "None")
    const context = yield* Layer.build(
      RedisBus.layer.pipe(
        Layer.provide(Redis.layer),
        Layer.provideMerge(Metrics.layer({ node: "alone", version: "0", closeCodes: [] })),
        Layer.provide([away, quiet, Epoch.layerMemory])
      )
    )
    assert.match(PrometheusMetrics.formatUnsafe(context), /^minichat_bus_up 0$/m)
  })
)

/** Labels that Prometheus adds. */
const ADDED = ["job", "instance"]

/** The series that expressions name, each with the labels that it is selected by. */
const askedFor = (expressions: string) =>
  [...expressions.matchAll(/\b((?:minichat|process)_[a-z_]+)(?:\{([^}]*)\})?/g)].map(
    ([, name, selector]) => ({
      name: name!,
      labels: [...(selector ?? "").matchAll(/([a-z]+)(?:=|!=|=~|!~)"/g)]
        .map(([, label]) => label!)
        .filter((label) => !ADDED.includes(label))
    })
  )
