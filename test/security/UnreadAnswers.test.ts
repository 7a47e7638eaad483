import { connect } from "node:net"
import { assert, it } from "@effect/vitest"
import { Context, Duration, Effect, Schedule } from "effect"
import { Database } from "../../src/database/Database.ts"
import { NodeServer } from "../../src/NodeServer.ts"
import { until } from "../faults/support/Until.ts"
import { freshEmbedded } from "../support/EmbeddedPool.ts"
import { startServer, type TestServer } from "../support/TestServer.ts"
import { authenticatedServer } from "./support/AuthenticatedServer.ts"
import { heldConnection } from "./support/HeldConnection.ts"
import { requiringServer } from "./support/Member.ts"
import { exchange, rawSocket } from "./support/RawSocket.ts"
import { post, request } from "./support/Server.ts"

const MEGABYTES = 1024 * 1024

/** A connection whose answers nobody reads. */
const unreadConnection = (port: number, bytes: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const socket = connect({ port, host: "127.0.0.1" })
      socket.pause()
      socket.on("error", () => {})
      socket.write(bytes)
      return socket
    }),
    (socket) => Effect.sync(() => socket.destroy())
  )

const get = (path: string, headers: Record<string, string> = {}) =>
  [
    `GET ${path} HTTP/1.1`,
    "Host: localhost",
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    "",
    ""
  ].join("\r\n")

/** Stores long messages from the first user of a server to its second. */
const longMessages = Effect.fnUntraced(function* (
  server: TestServer,
  count: number,
  headers?: Record<string, string>
) {
  const sent = yield* post(
    `${server.url}/messages/`,
    { sender_id: 1, receiver_id: 2, content: "hello" },
    headers
  )
  const { pipeline: sql } = Context.get(server.services, Database)
  yield* sql`
    INSERT INTO messages (sender_id, receiver_id, conversation_id, content, timestamp)
    SELECT 1, 2, ${JSON.parse(sent.body).conversation_id}::bigint, repeat('€', 1000), clock_timestamp()
    FROM generate_series(1, ${count}::int)`
})

it.live(
  "100 own pages of 1,000 long messages that a member does not read take less than 64 MB",
  () =>
    Effect.gen(function* () {
      const server = yield* requiringServer({
        NODE_OPTIONS: "--max-old-space-size=512",
        RATE_LIMITS: "off",
        SLOW_READER_TIMEOUT: "1 hour"
      })
      yield* server.messages(1000, "€".repeat(1000))
      const path = "/messages/?user_id=1&limit=1000"
      const page = request(`${server.url}${path}`, { headers: server.member })
      let most = 0
      const measure = Effect.sync(() => {
        most = Math.max(most, server.residentBytes())
      })
      // What answers take that are read is no part of what the unread ones add.
      yield* Effect.forEach(
        Array.from({ length: 200 }),
        () =>
          Effect.andThen(
            Effect.map(page, ({ body }) => assert.isAbove(body.length, 1_000_000)),
            measure
          ),
        { concurrency: 8 }
      )
      const before = most
      yield* Effect.forkScoped(Effect.repeat(measure, Schedule.spaced("20 millis")))

      yield* Effect.forEach(Array.from({ length: 100 }), () =>
        unreadConnection(server.port, get(path, server.member))
      )
      const others = request(`${server.url}/messages/?user_id=2&limit=1000`, { headers: server.other })
      for (let i = 0; i < 20; i++) assert.strictEqual((yield* others).status, 200)

      assert.isBelow((most - before) / MEGABYTES, 64)
      assert.isTrue(server.isAlive())
    }),
  120_000
)

it.live("a peer that reads nothing of its answer for SLOW_READER_TIMEOUT is disconnected", () =>
  Effect.gen(function* () {
    const server = yield* startServer({ ...(yield* freshEmbedded), slowReaderTimeout: Duration.millis(300) })
    const script = get("/redoc/redoc.standalone.js", { "accept-encoding": "identity" })
    const peer = yield* unreadConnection(server.port, script.repeat(8))
    // What it sends meanwhile is no sign that it reads.
    yield* until(
      "the connection is closed",
      Effect.sync(() => {
        // An empty line before a request is no fault of it.
        peer.write("\r\n")
        return peer.destroyed
      }),
      "20 seconds"
    )
  })
)

it.live(
  "a peer that stops reading in the middle of an export is disconnected, and the user can be exported again",
  () =>
    Effect.gen(function* () {
      const server = yield* startServer({
        ...(yield* freshEmbedded),
        slowReaderTimeout: Duration.millis(300)
      })
      for (const username of ["alice", "bob"]) yield* post(`${server.url}/users/`, { username })
      yield* longMessages(server, 500)
      const peer = yield* heldConnection(Context.get(server.services, NodeServer), get("/users/1/export"))
      const isAsking = Effect.sync(() => peer.hasUnread)
      // It reads the head of the answer and some of the messages, and then nothing.
      for (let i = 0; i < 5; i++) {
        yield* until("more of the answer is written", isAsking, "20 seconds")
        peer.readAll()
      }
      yield* until(
        "the connection is closed",
        Effect.sync(() => peer.destroyed),
        "20 seconds"
      )
      const again = yield* request(`${server.url}/users/1/export`)
      assert.strictEqual(again.status, 200)
      assert.include(again.body, '"type":"end"')
    })
)

it.live("a page that a user does not read holds up its own pages, and no other user's", () =>
  Effect.gen(function* () {
    const server = yield* authenticatedServer({ slowReaderTimeout: Duration.hours(1) })
    yield* longMessages(server, 1000, server.service)
    const [alice, bob] = [yield* server.headersOf(1), yield* server.headersOf(2)]
    const node = Context.get(server.services, NodeServer)
    const pageOfAlice = get("/messages/?user_id=1&limit=1000", alice)

    const first = yield* heldConnection(node, pageOfAlice)
    yield* until(
      "the first page is written",
      Effect.sync(() => first.hasUnread),
      "20 seconds"
    )
    const second = yield* heldConnection(node, pageOfAlice)
    for (let i = 0; i < 5; i++) {
      const page = yield* request(`${server.url}/messages/?user_id=2&limit=1000`, { headers: bob })
      assert.strictEqual(page.status, 200)
    }
    assert.isFalse(second.hasUnread)
    first.destroy()
    yield* until(
      "the second page is written",
      Effect.sync(() => second.hasUnread),
      "20 seconds"
    )
  })
)

it.live(
  "peers that read slowly and never stop are disconnected when others wait for the room they hold",
  () =>
    Effect.gen(function* () {
      const server = yield* startServer({ ...(yield* freshEmbedded), slowReaderTimeout: Duration.seconds(1) })
      for (const username of ["alice", "bob"]) yield* post(`${server.url}/users/`, { username })
      yield* longMessages(server, 1000)
      const page = "/messages/?user_id=1&limit=1000"
      const node = Context.get(server.services, NodeServer)
      // More pages than the node has room for.
      const peers = yield* Effect.forEach(Array.from({ length: 40 }), () => heldConnection(node, get(page)))
      const readOn = Effect.sync(() => {
        for (const peer of peers) peer.readAll()
      })
      yield* Effect.forkScoped(Effect.repeat(readOn, Schedule.spaced("250 millis")))
      yield* until(
        "some are disconnected",
        Effect.sync(() => peers.some(({ destroyed }) => destroyed)),
        "20 seconds"
      )
      assert.strictEqual((yield* request(`${server.url}${page}`)).status, 200)
    })
)

it.live("requests behind an unanswered one on the same connection are not taken past a few", () =>
  Effect.gen(function* () {
    const { url, port } = yield* startServer(yield* freshEmbedded)
    yield* post(`${url}/users/`, { username: "alice" })
    const create = (i: number) => {
      const body = `{"username":"pipelined${i}"}`
      return `POST /users/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
    }
    const poll = get("/users/1/events?since=0&wait=30")
    yield* exchange(port, poll + Array.from({ length: 100 }, (_, i) => create(i)).join(""))
    const { body } = yield* request(`${url}/users/?limit=1000`)
    assert.isAtMost(body.match(/"username":"pipelined/g)?.length ?? 0, 8)

    const socket = yield* rawSocket(port)
    yield* socket.write(get("/livez").repeat(6))
    yield* socket.until("six answers", () =>
      socket.received().toString().match(/"OK"/g)?.length === 6 ? true : undefined
    )
  })
)

it.live(
  "a page that is queued behind a poll holds no room: the poll and the user's other pages are answered",
  () =>
    Effect.gen(function* () {
      const server = yield* authenticatedServer()
      const alice = yield* server.headersOf(1)
      // It takes all the room that a user has.
      const page = "/messages/?user_id=1&limit=1000"
      const socket = yield* rawSocket(server.port)
      yield* socket.write(get("/users/1/events?since=0&wait=30", alice) + get(page, alice))
      const body = '{"username":"last"}'
      const headers = {
        ...server.service,
        "content-type": "application/json",
        "content-length": `${body.length}`
      }
      yield* socket.write(get("/users/", headers).replace("GET", "POST") + body)
      yield* until(
        "the last request is handled",
        Effect.map(request(`${server.url}/users/?username=last`, { headers: server.service }), (found) =>
          found.body.includes("last")
        ),
        "20 seconds"
      )

      assert.strictEqual((yield* request(`${server.url}${page}`, { headers: alice })).status, 200)
      yield* post(
        `${server.url}/messages/`,
        { sender_id: 2, receiver_id: 1, content: "hello" },
        server.service
      )
      yield* socket.until("all answers", () => socket.received().includes('"username":"last"') || undefined)
      assert.deepEqual(
        socket
          .received()
          .toString()
          .match(/HTTP\/1\.1 [0-9]+|"content":"hello"/g),
        ["HTTP/1.1 200", '"content":"hello"', "HTTP/1.1 200", '"content":"hello"', "HTTP/1.1 200"]
      )
    })
)
