import { duplexPair } from "node:stream"
import { assert, it } from "@effect/vitest"
import { Context, Effect } from "effect"
import { NodeServer } from "../../src/NodeServer.ts"
import { until } from "../faults/support/Until.ts"
import { freshEmbedded } from "../support/EmbeddedPool.ts"
import { startServer } from "../support/TestServer.ts"
import { frame, handshakeRequest, OPCODE, webSocketHandshake } from "./support/RawSocket.ts"
import { bearer, post } from "./support/Server.ts"
import { makeKeys } from "./support/Tokens.ts"

/** As many frames as a user may send in a minute beyond what it may at once. */
const FLOOD_FRAMES = 35_000

/** How many bytes of it come at once. */
const CHUNK_BYTES = 16 * 1024

const floods = {
  "ping frames": frame({ opcode: OPCODE.text, payload: '{"type":"ping"}' }),
  "pongs that nobody asked for": frame({ opcode: OPCODE.pong })
}

/** A server where each socket needs a token, and what opens a user's. */
const requiringSockets = Effect.gen(function* () {
  const keys = yield* makeKeys()
  const server = yield* startServer({ ...(yield* freshEmbedded), ...keys.settings })
  const service = bearer(yield* keys.mint({ scope: "service" }))
  for (const username of ["alice", "bob"]) yield* post(`${server.url}/users/`, { username }, service)
  const headersOf = (sub: string) =>
    Effect.map(keys.mint({ sub }), (token) => ({ Authorization: `Bearer ${token}` }))
  const socketOf = Effect.fnUntraced(function* (sub: string) {
    const socket = yield* webSocketHandshake(server.port, `/ws/${sub}`, yield* headersOf(sub))
    yield* socket.textWith("system")
    return socket
  })
  /** The peer's end of a socket's connection. No buffer of the system is in between: what the server does not read stays here. */
  const peerOf = Effect.fnUntraced(function* (sub: string) {
    const [connection, peer] = duplexPair()
    Context.get(server.services, NodeServer).emit("connection", connection)
    yield* Effect.addFinalizer(() => Effect.sync(() => connection.destroy()))
    let received = ""
    peer.on("data", (bytes: Buffer) => {
      received += bytes.toString("latin1")
    })
    peer.write(handshakeRequest("localhost", `/ws/${sub}`, yield* headersOf(sub)))
    yield* until(
      "the socket is open",
      Effect.sync(() => received.includes('"system"')),
      "20 seconds"
    )
    return peer
  })
  return { socketOf, peerOf }
})

it.live("pings of the protocol are answered at the rate of their user's frames", () =>
  Effect.gen(function* () {
    const { socketOf } = yield* requiringSockets
    const sockets = [yield* socketOf("1"), yield* socketOf("1")]
    const pings = Buffer.alloc(6 * 50, frame({ opcode: OPCODE.ping }))
    let rounds = 0
    const round = Effect.gen(function* () {
      const socket = sockets[rounds++ % 2]!
      const before = socket.received().length
      yield* socket.write(pings)
      // A pong has two bytes.
      return yield* socket
        .until("the pongs", () => (socket.received().length >= before + 100 ? true : undefined))
        .pipe(Effect.timeoutOption("200 millis"))
    })
    yield* Effect.repeat(round, { until: (answered) => answered._tag === "None", times: 1000 })
    assert.isBelow(rounds, 500)
  })
)

for (const [what, one] of Object.entries(floods)) {
  it.live(`a flood of ${what} stops the reading of its user's sockets, and of no other's`, () =>
    Effect.gen(function* () {
      const { socketOf, peerOf } = yield* requiringSockets
      const [flooding, second] = [yield* peerOf("1"), yield* peerOf("1")]
      const other = yield* socketOf("2")
      for (const peer of [flooding, second]) {
        // Each has bytes of its own: the server unmasks frames where they are.
        const flood = Buffer.alloc(FLOOD_FRAMES * one.length, one)
        for (let start = 0; start < flood.length; start += CHUNK_BYTES) {
          peer.write(flood.subarray(start, start + CHUNK_BYTES))
        }
      }

      for (let i = 0; i < 200; i++) {
        const before = other.received().length
        yield* other.write(frame({ opcode: OPCODE.text, payload: '{"type":"ping"}' }))
        yield* other.until("a pong", () => (other.received().length > before ? true : undefined))
      }
      assert.isAbove(flooding.writableLength, 0)
      assert.isAbove(second.writableLength, 0)
    })
  )
}
