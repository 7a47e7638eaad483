import { assert, layer } from "@effect/vitest"
import { Array, Context, Duration, Effect } from "effect"
import { InboxRepo } from "../../src/repo/InboxRepo.ts"
import { ChatServer, commitUnannounced } from "./support/ChatServer.ts"
import { eventually } from "./support/Eventually.ts"
import { metric } from "./support/Metrics.ts"
import { openRawSocket } from "./support/RawSocket.ts"

/** More than the system's buffers between the two ends hold, which grow to some megabytes. */
const BACKLOG = 2000
const CONTENT = "\u{1F600}".repeat(1000)

/** What a connection may have in its TCP queue, and one frame over. */
const QUEUE_BYTES = 64 * 1024
const FRAME_BYTES = 5 * 1024

/** A busy machine takes its time to write and read the backlog. In milliseconds. */
const TIMEOUT = 60_000

const chat = ChatServer.layer({ slowReaderTimeout: Duration.seconds(3) })

layer(chat, { excludeTestServices: true })("a socket that stops reading", (it) => {
  /** A user with a backlog. Committing it takes longest, so both tests use one. */
  const users = Effect.runSync(
    Effect.cached(
      Effect.gen(function* () {
        const { server, newUser } = yield* ChatServer
        const [alice, bob] = [yield* newUser, yield* newUser]
        yield* commitUnannounced(server, alice, bob, CONTENT, BACKLOG)
        return { alice, bob }
      })
    )
  )

  /** A client of that user that stops reading in the middle of its replay. */
  const stalled = Effect.gen(function* () {
    const chat = yield* ChatServer
    const { server } = chat
    const { alice, bob } = yield* users
    const { head } = yield* Context.get(server.services, InboxRepo).find(bob.id)
    const queued = metric(server, "minichat_socket_queue_bytes")
    const reader = yield* openRawSocket(server.port, `/ws/${bob.id}?since=0`)
    assert.include(yield* reader.next, { type: "system", cursor: 0 })
    yield* reader.stopReading
    yield* eventually(queued, (bytes) => bytes > QUEUE_BYTES)
    return { ...chat, alice, bob, head, queued, reader }
  })

  it.effect(
    "delays nobody else, holds little memory, is closed with 4008, and comes back to everything",
    () =>
      Effect.gen(function* () {
        const { server, alice, bob, head, queued, connect, newUser, post } = yield* stalled
        const closed = metric(server, 'minichat_socket_closes_total{code="4008"}')
        const device = yield* connect(bob)
        const other = yield* connect(yield* newUser)
        yield* Effect.all([device.expect("system"), other.expect("system")])

        const { id } = yield* post(alice, bob, "while the reader is stalled")
        assert.strictEqual((yield* device.expect("message")).id, id)
        yield* other.send({ type: "ping" })
        yield* other.expect("pong")

        yield* eventually(Effect.zip(queued, closed), ([bytes, closed]) => {
          assert.isAtMost(bytes, QUEUE_BYTES + FRAME_BYTES)
          return closed === 1
        })
        yield* eventually(queued, (bytes) => bytes === 0)

        const back = yield* connect(bob, { since: 0 })
        yield* back.expect("system")
        const events = yield* Effect.replicateEffect(back.expect("message"), head + 1)
        assert.deepStrictEqual(
          events.map(({ seq }) => seq),
          Array.range(1, head + 1)
        )
        assert.strictEqual(events.at(-1)?.id, id)
        assert.include(yield* back.expect("resumed"), { cursor: head + 1 })
      }),
    TIMEOUT
  )

  it.effect(
    "and reads on in time goes on where it stopped",
    () =>
      Effect.gen(function* () {
        const { reader, head } = yield* stalled

        yield* reader.readOn

        const frames = yield* Effect.replicateEffect(reader.next, head + 1)
        assert.deepStrictEqual(
          frames.map(({ type, seq }) => (type === "message" ? seq : type)),
          [...Array.range(1, head), "resumed"]
        )
      }),
    TIMEOUT
  )
})
