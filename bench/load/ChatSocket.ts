import type { Socket } from "node:net"
import { address } from "./Address.ts"
import { connect } from "./Connect.ts"
import { clientFrame, FrameReader } from "./FrameReader.ts"

export interface Frame {
  readonly type: string
  readonly id?: number
  readonly content?: string
  readonly client_id?: string
}

const TEXT = 1
const CLOSE = 8
const PING = 9
const PONG = 10

const CLOSE_PATIENCE_MS = 5_000

// A source address has about 28,000 ports towards one server, and ports of closed sockets rest for a minute.
// The first sockets leave their address to the kernel, which chooses a port faster when it knows both ends.
const SOCKETS_A_SOURCE = 20_000
const sourceOf = (n: number): string | undefined => {
  const nth = Math.floor(n / SOCKETS_A_SOURCE)
  return nth === 0 ? undefined : `127.0.0.${1 + nth}`
}

const handshake = (userId: number, subprotocol: string | undefined): string =>
  `GET /ws/${userId} HTTP/1.1\r\nhost: ${address.host}:${address.port}\r\nconnection: Upgrade\r\n` +
  "upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: YmVuY2hiZW5jaGJlbmNoYg==\r\n" +
  `${subprotocol === undefined ? "" : `sec-websocket-protocol: ${subprotocol}\r\n`}\r\n`

/** A user's WebSocket, open once the server has greeted it. */
export class ChatSocket {
  readonly #socket: Socket
  readonly #frames = new FrameReader((opcode, payload) => this.#onFrame(opcode, payload))
  #upgraded = false
  #closedWith: number | undefined
  onFrame: (frame: Frame) => void = () => {}

  private constructor(n: number) {
    this.#socket = connect((chunk) => this.#onData(chunk), sourceOf(n))
  }

  static open(userId: number, n: number, subprotocol?: string): Promise<ChatSocket> {
    const { promise, resolve, reject } = Promise.withResolvers<ChatSocket>()
    const chat = new ChatSocket(n)
    const socket = chat.#socket
    chat.onFrame = (greeting) => {
      if (greeting.type !== "system") return reject(new Error(`Expected a greeting, got ${greeting.type}`))
      chat.onFrame = () => {}
      resolve(chat)
    }
    socket.on("error", reject)
    socket.on("close", () => {
      reject(new Error(`A socket of user ${userId} was closed, ${chat.#closedWith ?? "without a code"}`))
    })
    socket.write(handshake(userId, subprotocol))
    return promise
  }

  get isOpen(): boolean {
    return this.#socket.readyState === "open" && this.#closedWith === undefined
  }

  send(frame: unknown): void {
    this.#socket.write(clientFrame(TEXT, Buffer.from(JSON.stringify(frame))))
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#socket.closed) return resolve()
      const patience = setTimeout(() => this.#socket.destroy(), CLOSE_PATIENCE_MS)
      this.#socket.once("close", () => {
        clearTimeout(patience)
        resolve()
      })
      this.#socket.write(clientFrame(CLOSE, Buffer.from([0x03, 0xe8])))
    })
  }

  #onData(chunk: Buffer): void {
    if (this.#upgraded) {
      this.#frames.read(chunk)
      return
    }
    // The answer to the handshake is small and comes in one chunk, maybe with the first frames behind it.
    const headEnd = chunk.indexOf("\r\n\r\n")
    const status = chunk.toString("latin1", 9, 12)
    if (headEnd < 0 || status !== "101") {
      this.#socket.destroy(new Error(`The upgrade was answered with ${status}`))
      return
    }
    this.#upgraded = true
    if (chunk.length > headEnd + 4) this.#frames.read(chunk.subarray(headEnd + 4))
  }

  #onFrame(opcode: number, payload: Buffer): void {
    if (opcode === TEXT) {
      this.onFrame(JSON.parse(payload.toString()))
    } else if (opcode === PING) {
      this.#socket.write(clientFrame(PONG, payload))
    } else if (opcode === CLOSE) {
      this.#closedWith = payload.length >= 2 ? payload.readUInt16BE(0) : 1005
      this.#socket.end(clientFrame(CLOSE, payload))
    }
  }
}
