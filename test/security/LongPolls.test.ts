import { assert, it } from "@effect/vitest"
import { Context, Effect, Option } from "effect"
import { LiveInboxes } from "../../src/inbox/LiveInboxes.ts"
import { until } from "../faults/support/Until.ts"
import { freshEmbedded } from "../support/EmbeddedPool.ts"
import { startServer } from "../support/TestServer.ts"
import { openSocket } from "../support/TestSocket.ts"
import { rawSocket, statusOf } from "./support/RawSocket.ts"
import { post, request } from "./support/Server.ts"

const poll = (userId: number) =>
  `GET /users/${userId}/events?since=0&wait=30 HTTP/1.1\r\nHost: localhost\r\n\r\n`

/** Polls that wait, until the one after them is refused with this status. */
const pollUntil = Effect.fnUntraced(function* (port: number, userId: number, status: number) {
  let waiting = 0
  yield* until(
    `a poll is answered with ${status}`,
    Effect.gen(function* () {
      const socket = yield* rawSocket(port)
      yield* socket.write(poll(userId))
      waiting++
      const answer = yield* socket
        .until("an answer", () => (socket.received().length > 0 ? String(socket.received()) : undefined))
        .pipe(Effect.timeoutOption("300 millis"))
      return Option.exists(answer, (text) => statusOf(text) === status)
    }),
    "20 seconds"
  )
  return waiting - 1
})

it.live("long polls count with the sockets of their user and of their node", () =>
  Effect.gen(function* () {
    const server = yield* startServer({ ...(yield* freshEmbedded), maxSocketsPerUser: 3, maxSockets: 5 })
    for (const username of ["alice", "bob"]) yield* post(`${server.url}/users/`, { username })
    const socket = yield* openSocket(`${server.webSocketUrl}/ws/1`)
    yield* socket.nextOf("system")

    assert.strictEqual(yield* pollUntil(server.port, 1, 429), 2)
    const refused = yield* request(`${server.url}/users/1/events?since=0&wait=1`)
    assert.strictEqual(JSON.parse(refused.body).type, "urn:minichat:problem:too-many-requests")
    assert.include(JSON.parse(refused.body).detail, "MAX_SOCKETS_PER_USER")
    assert.strictEqual((yield* request(`${server.url}/users/1/events?since=0`)).status, 200)

    assert.strictEqual(yield* pollUntil(server.port, 2, 503), 2)
    const full = yield* request(`${server.url}/users/2/events?since=0&wait=1`)
    assert.strictEqual(full.status, 503)
    assert.include(JSON.parse(full.body).detail, "MAX_SOCKETS")
  })
)

it.live("a poll that ended gives its place back, and so does one whose caller hangs up", () =>
  Effect.gen(function* () {
    const server = yield* startServer({ ...(yield* freshEmbedded), maxSocketsPerUser: 1 })
    for (const username of ["alice", "bob"]) yield* post(`${server.url}/users/`, { username })
    const { size } = Context.get(server.services, LiveInboxes)
    const waits = until(
      "the poll waits",
      Effect.map(size, (open) => open === 1),
      "20 seconds"
    )
    const isRefused = Effect.map(
      request(`${server.url}/users/1/events?since=0&wait=1`),
      ({ status }) => status === 429
    )

    const left = yield* rawSocket(server.port)
    yield* left.write(poll(1))
    yield* waits
    assert.isTrue(yield* isRefused)
    left.socket.destroy()
    yield* until(
      "the place is free",
      Effect.map(size, (open) => open === 0),
      "20 seconds"
    )

    const answered = yield* rawSocket(server.port)
    yield* answered.write(poll(1))
    yield* waits
    yield* post(`${server.url}/messages/`, { sender_id: 2, receiver_id: 1, content: "hello" })
    const page = yield* answered.until("the answer", () =>
      String(answered.received()).includes("hello") ? String(answered.received()) : undefined
    )
    assert.strictEqual(statusOf(page), 200)
    assert.isFalse(yield* isRefused)
  })
)
