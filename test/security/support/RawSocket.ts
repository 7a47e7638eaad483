import { randomBytes } from "node:crypto"
import { connect } from "node:net"
import { Deferred, Effect } from "effect"

/** How long an answer may take, on a machine that is busy. */
const PATIENCE = "20 seconds"

/** A TCP connection, for bytes that no client library would send. It ends with its scope. */
export const rawSocket = Effect.fnUntraced(function* (
  port: number,
  /** Whether it stays open for writing when the server ended its side. */
  { allowHalfOpen = false }: { readonly allowHalfOpen?: boolean } = {}
) {
  let received = Buffer.alloc(0)
  let isClosed = false
  const waiting = new Set<() => void>()
  const wake = () => {
    for (const check of waiting) check()
  }
  const socket = yield* Effect.acquireRelease(
    Effect.sync(() => connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen })),
    (socket) => Effect.sync(() => socket.destroy())
  )
  socket.on("data", (chunk) => {
    received = Buffer.concat([received, chunk])
    wake()
  })
  // A server that hangs up on what it refuses may reset the connection: what it said before counts.
  socket.on("error", () => {})
  socket.on("close", () => {
    isClosed = true
    wake()
  })

  const until = <A>(what: string, find: () => A | undefined) =>
    Effect.gen(function* () {
      const found = yield* Deferred.make<A>()
      const check = () => {
        const value = find()
        if (value !== undefined) Deferred.doneUnsafe(found, Effect.succeed(value))
      }
      waiting.add(check)
      check()
      return yield* Effect.ensuring(
        Deferred.await(found),
        Effect.sync(() => waiting.delete(check))
      )
    }).pipe(
      Effect.timeoutOrElse({
        duration: PATIENCE,
        orElse: () =>
          Effect.die(new Error(`Waited in vain for ${what}; there is ${received.toString("latin1")}`))
      })
    )

  return {
    socket,
    write: (bytes: string | Uint8Array) => Effect.sync(() => void socket.write(bytes)),
    until,
    received: () => received,
    /** All that came, once the server closed the connection. */
    closed: until("the end", () => (isClosed ? received : undefined))
  }
})

export type RawSocket = Effect.Success<ReturnType<typeof rawSocket>>

/** All that a server answers to these bytes until it closes the connection. */
export const exchange = (port: number, ...bytes: ReadonlyArray<string | Uint8Array>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const socket = yield* rawSocket(port)
      for (const each of bytes) yield* socket.write(each)
      return (yield* socket.closed).toString("latin1")
    })
  )

/** The status of an answer; 0 when the connection was closed without one. */
export const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1] ?? 0)

export interface Frame {
  readonly opcode: number
  readonly payload?: Uint8Array | string
  readonly fin?: boolean
  /** The three reserved bits, as a number. */
  readonly rsv?: number
  readonly masked?: boolean
  /** The length that the frame claims, when it is not that of its payload. */
  readonly claimedLength?: bigint
}

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

/** The bytes of a frame as a client sends it, right or wrong. */
export const frame = ({ opcode, payload = "", fin = true, rsv = 0, masked = true, claimedLength }: Frame) => {
  const data = Buffer.from(payload)
  const length = claimedLength ?? BigInt(data.length)
  const maskBit = masked ? 0x80 : 0
  const head = [(fin ? 0x80 : 0) | (rsv << 4) | opcode]
  const extended = Buffer.alloc(length < 126n ? 0 : length < 65_536n ? 2 : 8)
  if (extended.length === 2) extended.writeUInt16BE(Number(length))
  if (extended.length === 8) extended.writeBigUInt64BE(length)
  head.push(maskBit | (extended.length === 0 ? Number(length) : extended.length === 2 ? 126 : 127))
  const mask = masked ? randomBytes(4) : Buffer.alloc(0)
  const body = masked ? data.map((byte, i) => byte ^ mask[i % 4]!) : data
  return Buffer.concat([Buffer.from(head), extended, mask, body])
}

/** The request that asks for a WebSocket. A header without a value is left out. */
export const handshakeRequest = (
  host: string,
  path: string,
  headers: Readonly<Record<string, string | undefined>> = {}
): string => {
  const all: Record<string, string | undefined> = {
    Host: host,
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": randomBytes(16).toString("base64"),
    ...headers
  }
  const lines = Object.entries(all).flatMap(([name, value]) =>
    value === undefined ? [] : `${name}: ${value}\r\n`
  )
  return `GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`
}

/** Sends a WebSocket handshake, complete but for what `headers` changes. */
export const webSocketHandshake = Effect.fnUntraced(function* (
  port: number,
  path: string,
  headers: Readonly<Record<string, string | undefined>> = {}
) {
  const raw = yield* rawSocket(port)
  yield* raw.write(handshakeRequest(`127.0.0.1:${port}`, path, headers))
  const headEnd = () => raw.received().indexOf("\r\n\r\n")

  /** The frames that came so far. Those of a server are not masked. */
  const frames = () => {
    const found: Array<{ readonly opcode: number; readonly payload: Buffer }> = []
    let rest = raw.received().subarray(headEnd() + 4)
    while (rest.length >= 2) {
      const short = rest[1]! & 0x7f
      const start = short === 127 ? 10 : short === 126 ? 4 : 2
      if (rest.length < start) break
      const length =
        short === 127 ? Number(rest.readBigUInt64BE(2)) : short === 126 ? rest.readUInt16BE(2) : short
      if (rest.length < start + length) break
      found.push({ opcode: rest[0]! & 0x0f, payload: rest.subarray(start, start + length) })
      rest = rest.subarray(start + length)
    }
    return found
  }

  return {
    ...raw,
    /** The head of the answer. */
    head: raw.until("the answer to the handshake", () =>
      headEnd() === -1 ? undefined : raw.received().toString("latin1", 0, headEnd() + 4)
    ),
    /** The first text frame that has this in it, as JSON. */
    textWith: (part: string) =>
      raw.until(`a frame with ${part}`, () => {
        const match = frames().find(({ opcode, payload }) => opcode === OPCODE.text && payload.includes(part))
        return match === undefined
          ? undefined
          : (JSON.parse(String(match.payload)) as Record<string, unknown>)
      }),
    /** The code that the server closes with. */
    closeCode: raw.until("a close frame", () =>
      frames()
        .find(({ opcode }) => opcode === OPCODE.close)
        ?.payload.readUInt16BE(0)
    )
  }
})
