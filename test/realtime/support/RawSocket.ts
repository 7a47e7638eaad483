import { randomBytes } from "node:crypto"
import { connect } from "node:net"
import { Effect, Queue } from "effect"
import type { Received } from "../../support/TestSocket.ts"

const HEAD_END = Buffer.from("\r\n\r\n")

/** The payloads of the complete text frames in `bytes`, and what is left. Servers do not mask, or fragment here. */
const textFrames = (bytes: Buffer): readonly [Array<string>, Buffer] => {
  const texts: Array<string> = []
  let at = 0
  while (bytes.length >= at + 4) {
    const short = bytes[at + 1]! & 0x7f
    const start = at + (short < 126 ? 2 : 4)
    const end = start + (short < 126 ? short : bytes.readUInt16BE(at + 2))
    if (bytes.length < end) break
    if ((bytes[at]! & 0x0f) === 1) texts.push(bytes.toString("utf8", start, end))
    at = end
  }
  return [texts, bytes.subarray(at)]
}

/**
 * A WebSocket over a TCP connection that can stop reading, until the scope closes: then what the server sends
 * fills the system's buffers, and next the server's own. It answers no ping.
 */
export const openRawSocket = Effect.fnUntraced(function* (
  port: number,
  path: string,
  /** Text frames that go out with the handshake, before it is answered. */
  early: ReadonlyArray<object> = []
) {
  const frames = yield* Queue.unbounded<Received>()
  const tcp = yield* Effect.acquireRelease(
    Effect.sync(() => connect(port, "127.0.0.1")),
    (tcp) => Effect.sync(() => tcp.destroy())
  )
  let isUpgraded = false
  let unread: Buffer = Buffer.alloc(0)
  tcp.on("data", (chunk) => {
    unread = Buffer.concat([unread, chunk])
    if (!isUpgraded) {
      const end = unread.indexOf(HEAD_END)
      if (end < 0) return
      isUpgraded = true
      unread = unread.subarray(end + HEAD_END.length)
    }
    const [texts, rest] = textFrames(unread)
    unread = rest
    for (const text of texts) Queue.offerUnsafe(frames, JSON.parse(text))
  })
  // A connection that the server destroys with bytes unread is reset.
  tcp.on("error", () => {})
  tcp.write(
    Buffer.concat([
      Buffer.from(handshake(path)),
      ...early.map((frame) => maskedTextFrame(JSON.stringify(frame)))
    ])
  )
  return {
    next: Queue.take(frames),
    stopReading: Effect.sync(() => tcp.pause()),
    readOn: Effect.sync(() => tcp.resume())
  }
})

const handshake = (path: string) =>
  [
    `GET ${path} HTTP/1.1`,
    "Host: localhost",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Protocol: minichat.v2",
    `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`,
    "\r\n"
  ].join("\r\n")

/** Masked with zeros, which leave the payload as it is. */
const maskedTextFrame = (text: string): Buffer => {
  const payload = Buffer.from(text)
  return Buffer.concat([Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0]), payload])
}
