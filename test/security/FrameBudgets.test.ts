import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { until } from "../faults/support/Until.ts"
import { freshEmbedded } from "../support/EmbeddedPool.ts"
import { startServer } from "../support/TestServer.ts"
import { frame, OPCODE, webSocketHandshake } from "./support/RawSocket.ts"
import { bearer, post } from "./support/Server.ts"
import { makeKeys } from "./support/Tokens.ts"

/** More than the buffers of both sides take when nobody reads. */
const FLOOD_BYTES = 16 * 1024 * 1024

/** As many of the frame as fit. */
const flood = (one: Buffer) => Buffer.alloc(FLOOD_BYTES - (FLOOD_BYTES % one.length), one)

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
  return Effect.fnUntraced(function* (sub: string) {
    const headers = { Authorization: `Bearer ${yield* keys.mint({ sub })}` }
    const socket = yield* webSocketHandshake(server.port, `/ws/${sub}`, headers)
    yield* socket.textWith("system")
    return socket
  })
})

it.live("pings of the protocol are answered at the rate of their user's frames", () =>
  Effect.gen(function* () {
    const socketOf = yield* requiringSockets
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
      const socketOf = yield* requiringSockets
      const flooding = yield* socketOf("1")
      const second = yield* socketOf("1")
      const other = yield* socketOf("2")

      yield* flooding.write(flood(one))
      yield* second.write(flood(one))
      // A peer that is read writes all that it has.
      yield* other.write(frame({ opcode: OPCODE.text, payload: '{"type":"ping"}' }))
      yield* other.textWith("pong")
      yield* until(
        "both are read no further",
        Effect.gen(function* () {
          const before = [
            flooding.socket.bytesWritten,
            flooding.socket.writableLength,
            second.socket.writableLength
          ]
          yield* Effect.sleep("200 millis")
          const after = [
            flooding.socket.bytesWritten,
            flooding.socket.writableLength,
            second.socket.writableLength
          ]
          return before.join() === after.join()
        }),
        "20 seconds"
      )
      assert.isAbove(flooding.socket.writableLength, 0)
      assert.isAbove(second.socket.writableLength, 0)
    })
  )
}
