import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { until } from "../faults/support/Until.ts"
import { openSocket } from "../support/TestSocket.ts"
import { type Frame, frame, OPCODE, webSocketHandshake } from "./support/RawSocket.ts"
import { allSocketsClosed, openSockets, post, Server } from "./support/Server.ts"

const MAX_FRAME_BYTES = 1024
const MAX_FRAME_FRAGMENTS = 4
const MAX_SOCKETS_PER_USER = 2
const MAX_SOCKETS = 3

const server = Server.layer({
  maxFrameBytes: MAX_FRAME_BYTES,
  maxFrameFragments: MAX_FRAME_FRAGMENTS,
  maxSocketsPerUser: MAX_SOCKETS_PER_USER,
  maxSockets: MAX_SOCKETS
})

const users = Layer.effectDiscard(
  Effect.flatMap(Server, ({ url }) =>
    Effect.forEach(["alice", "bob"], (username) => post(`${url}/users/`, { username }))
  )
)

const PING = '{"type":"ping"}'

const INVALID_UTF8 = Buffer.from([0xc3, 0x28])

const fragments = (parts: ReadonlyArray<string | Uint8Array>): ReadonlyArray<Frame> =>
  parts.map((payload, i) => ({
    opcode: i === 0 ? OPCODE.text : OPCODE.continuation,
    fin: i === parts.length - 1,
    payload
  }))

const closePayload = (code: number, reason: string | Uint8Array = "") => {
  const head = Buffer.alloc(2)
  head.writeUInt16BE(code)
  return Buffer.concat([head, Buffer.from(reason)])
}

/** Frames that break the protocol, and the code that each is closed with. */
const broken: Readonly<Record<string, readonly [code: number, ...frames: ReadonlyArray<Frame>]>> = {
  "a frame that is not masked": [1002, { opcode: OPCODE.text, payload: PING, masked: false }],
  "a reserved opcode": [1002, { opcode: 3, payload: PING }],
  "a reserved control opcode": [1002, { opcode: 11 }],
  "the first reserved bit": [1002, { opcode: OPCODE.text, payload: PING, rsv: 4 }],
  "the second reserved bit": [1002, { opcode: OPCODE.text, payload: PING, rsv: 2 }],
  "the third reserved bit": [1002, { opcode: OPCODE.text, payload: PING, rsv: 1 }],
  "a reserved bit on a ping": [1002, { opcode: OPCODE.ping, rsv: 4 }],
  "a control frame in fragments": [1002, { opcode: OPCODE.ping, fin: false }],
  "a control frame over 125 bytes": [1002, { opcode: OPCODE.ping, payload: "a".repeat(126) }],
  "a control frame of a huge length": [1002, { opcode: OPCODE.close, claimedLength: 2n ** 63n - 1n }],
  "a continuation of nothing": [1002, { opcode: OPCODE.continuation, payload: PING }],
  "a new message within a fragmented one": [
    1002,
    { opcode: OPCODE.text, payload: "{", fin: false },
    { opcode: OPCODE.text, payload: PING }
  ],
  "text that is not UTF-8": [1007, { opcode: OPCODE.text, payload: INVALID_UTF8 }],
  "text that is not UTF-8, over two fragments": [
    1007,
    ...fragments([INVALID_UTF8.subarray(0, 1), INVALID_UTF8.subarray(1)])
  ],
  "text that ends within a character": [1007, { opcode: OPCODE.text, payload: Buffer.from([0xe2, 0x82]) }],
  "a surrogate in UTF-8": [1007, { opcode: OPCODE.text, payload: Buffer.from([0xed, 0xa0, 0x80]) }],
  "a frame over MAX_FRAME_BYTES": [1009, { opcode: OPCODE.text, payload: "a".repeat(MAX_FRAME_BYTES + 1) }],
  "a frame that claims to be huge": [1009, { opcode: OPCODE.text, claimedLength: 2n ** 53n }],
  "a binary frame that claims to be huge": [1009, { opcode: OPCODE.binary, claimedLength: 2n ** 31n }],
  "fragments over MAX_FRAME_BYTES together": [1009, ...fragments(["a".repeat(600), "a".repeat(600)])],
  "more fragments than MAX_FRAME_FRAGMENTS": [
    1008,
    ...fragments(Array.from({ length: MAX_FRAME_FRAGMENTS + 1 }, () => "a"))
  ],
  "empty fragments without an end": [
    1008,
    { opcode: OPCODE.text, fin: false },
    ...Array.from({ length: 100 }, () => ({ opcode: OPCODE.continuation, fin: false }))
  ],
  "a close frame of one byte": [1002, { opcode: OPCODE.close, payload: "a" }],
  "a close code that is reserved": [1002, { opcode: OPCODE.close, payload: closePayload(1005) }],
  "a close code that is none": [1002, { opcode: OPCODE.close, payload: closePayload(999) }],
  "a close reason that is not UTF-8": [
    1007,
    { opcode: OPCODE.close, payload: closePayload(1000, INVALID_UTF8) }
  ],
  "twenty bad frames in a row": [
    1008,
    ...Array.from({ length: 20 }, (_, i) => ({
      opcode: OPCODE.text,
      payload: i % 2 === 0 ? "{" : '{"type":"x"}'
    }))
  ],
  "twenty binary frames in a row": [1008, ...Array.from({ length: 20 }, () => ({ opcode: OPCODE.binary }))]
}

const connect = Effect.gen(function* () {
  const { port } = yield* Server
  const socket = yield* webSocketHandshake(port, "/ws/1")
  yield* socket.textWith("system")
  return socket
})

const sendAll = (socket: { write(bytes: Uint8Array): Effect.Effect<void> }, frames: ReadonlyArray<Frame>) =>
  socket.write(Buffer.concat(frames.map(frame)))

const allClosed = Effect.flatMap(Server, allSocketsClosed)

layer(Layer.provideMerge(users, server), { excludeTestServices: true, timeout: "60 seconds" })(
  "on a raw socket",
  (it) => {
    for (const [what, [code, ...frames]] of Object.entries(broken)) {
      it.effect(`${what} is closed with ${code}`, () =>
        Effect.gen(function* () {
          const socket = yield* connect
          yield* sendAll(socket, frames)
          assert.strictEqual(yield* socket.closeCode, code)
          yield* Effect.sync(() => socket.socket.end())
          yield* allClosed
        })
      )
    }

    it.effect("a client that does not answer a close frame is dropped", () =>
      Effect.gen(function* () {
        const socket = yield* connect
        yield* sendAll(socket, [{ opcode: 3 }])
        yield* socket.closeCode
        yield* socket.closed
        yield* allClosed
      })
    )

    it.effect("a frame of MAX_FRAME_BYTES is read", () =>
      Effect.gen(function* () {
        const socket = yield* connect
        const payload = `{"type":"ping","padding":"${"a".repeat(MAX_FRAME_BYTES - 28)}"}`
        assert.lengthOf(payload, MAX_FRAME_BYTES)
        yield* sendAll(socket, [{ opcode: OPCODE.text, payload }])
        yield* socket.textWith("pong")
      })
    )

    it.effect("a character split over fragments arrives whole, with a ping in between", () =>
      Effect.gen(function* () {
        const socket = yield* connect
        const text = Buffer.from(
          JSON.stringify({ type: "send", receiver_id: 2, content: "caf\u00e9 \u{1f600}" })
        )
        const inside = text.indexOf(Buffer.from("\u{1f600}")) + 2
        const [first, second] = fragments([text.subarray(0, inside), text.subarray(inside)])
        yield* sendAll(socket, [first!, { opcode: OPCODE.ping, payload: "a".repeat(125) }, second!])
        const { message } = yield* socket.textWith("ack")
        assert.propertyVal(message, "content", "caf\u00e9 \u{1f600}")
      })
    )

    it.effect("bad frames that are not in a row leave a socket open", () =>
      Effect.gen(function* () {
        const socket = yield* connect
        const bad = Array.from({ length: 19 }, () => ({ opcode: OPCODE.text, payload: "[]" }))
        const good = { opcode: OPCODE.text, payload: PING }
        yield* sendAll(socket, [
          ...bad,
          good,
          ...bad,
          { ...good, payload: '{"type":"send","receiver_id":2,"content":"last"}' }
        ])
        yield* socket.textWith("ack")
      })
    )

    it.effect("a frame that never ends keeps no other socket waiting", () =>
      Effect.gen(function* () {
        const stuck = yield* connect
        yield* stuck.write(frame({ opcode: OPCODE.text, payload: "a", claimedLength: 1000n }))
        const other = yield* connect
        yield* sendAll(other, [{ opcode: OPCODE.text, payload: PING }])
        yield* other.textWith("pong")
      })
    )

    it.effect("a user has no more sockets than MAX_SOCKETS_PER_USER, the node no more than MAX_SOCKETS", () =>
      Effect.gen(function* () {
        yield* allClosed
        const { webSocketUrl } = yield* Server
        const open = (userId: number) =>
          Effect.tap(openSocket(`${webSocketUrl}/ws/${userId}`), ({ nextOf }) => nextOf("system"))
        const [first] = yield* Effect.all([open(1), open(1)])
        const third = yield* openSocket(`${webSocketUrl}/ws/1`)
        assert.strictEqual((yield* third.closed).code, 4009)
        yield* open(2)
        const fourth = yield* openSocket(`${webSocketUrl}/ws/2`)
        assert.strictEqual((yield* fourth.closed).code, 1013)
        assert.strictEqual(yield* Effect.flatMap(Server, openSockets), MAX_SOCKETS)

        yield* Effect.sync(() => first.socket.terminate())
        yield* first.closed
        yield* until(
          "there is room again",
          Effect.map(Effect.flatMap(Server, openSockets), (size) => size < MAX_SOCKETS),
          "10 seconds"
        )
        yield* open(2)
      })
    )

    it.effect("nothing is left of any of them", () => allClosed)
  }
)
