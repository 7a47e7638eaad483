import type { IncomingMessage } from "node:http"
import type { Duplex } from "node:stream"
import { Effect } from "effect"
import { WebSocket } from "ws"
import type { CloseCode } from "../api/CloseCode.ts"
import { SUBPROTOCOLS } from "../api/Protocol.ts"

declare module "ws" {
  namespace WebSocket {
    interface ServerOptions {
      /** How long the answer to a close frame is waited for before the connection is destroyed. In milliseconds. */
      closeTimeout?: number | undefined
    }
  }
  interface WebSocket {
    /** Called by the upgrade, once, with the connection that the WebSocket takes over. */
    setSocket(socket: Duplex, head: Buffer, options: object): void
  }
}

/** What one frame holds: text, or the bytes of a binary frame. */
export type FrameData = string | Uint8Array

/** A peer that sent this many bytes which nobody took yet is read no further until they are taken. */
const RECEIVED_BYTES = 64 * 1024

/** What a frame counts beside its content, however little that is. */
const FRAME_OVERHEAD = 16

const NOTHING: ReadonlyArray<FrameData> = []

/**
 * The server's side of a WebSocket, to be read by an effect. What it listens with is shared by all: beside its
 * connection an idle one has next to nothing.
 */
export class ServerWebSocket extends WebSocket {
  /** Whether the peer answered the last ping. */
  answered = true
  /** The code of the end that closed first; 1006 when neither closed and the connection was lost. */
  closeCode = 1006
  private received: Array<FrameData> | undefined
  private receivedBytes = 0
  private isIgnored = false
  private reader: ((frames: Effect.Effect<ReadonlyArray<FrameData>>) => void) | undefined

  override setSocket(socket: Duplex, head: Buffer, options: object): void {
    super.setSocket(socket, head, options)
    // Each is called as a method of the socket that it is for.
    this.on("message", this.onMessage)
    this.on("pong", this.onPong)
    this.on("close", this.wakeReader)
    this.on("error", this.onError)
  }

  override close(code?: number, reason?: string | Buffer): void {
    if (this.readyState === this.OPEN) this.closeCode = code ?? 1005
    super.close(code, reason)
  }

  /** Sends a text frame, given as text or as its UTF-8 bytes. Bytes are not encoded again for each socket. */
  sendText(frame: string | Uint8Array): void {
    this.send(frame, { binary: false })
  }

  /**
   * What the peer sent since the last time, in order: waits for it. No frame at all means that the socket ended, and
   * that all it sent was taken. One reader may wait at a time.
   */
  nextFrames(): Effect.Effect<ReadonlyArray<FrameData>> {
    return Effect.callback((resume) => {
      if (this.received !== undefined || this.readyState === this.CLOSED) {
        return resume(Effect.succeed(this.take()))
      }
      this.reader = resume
      return Effect.sync(() => {
        this.reader = undefined
      })
    })
  }

  /**
   * Closes from this side, unless the socket is closed already, and looks at nothing any more that the peer sends: what
   * nobody took yet would be in the way of its answer.
   */
  refuse(why: CloseCode): void {
    this.isIgnored = true
    this.take()
    this.close(why.code, why.reason)
  }

  private take(): ReadonlyArray<FrameData> {
    const frames = this.received ?? NOTHING
    this.received = undefined
    this.receivedBytes = 0
    if (this.isPaused) this.resume()
    return frames
  }

  private wakeReader(): void {
    const resume = this.reader
    this.reader = undefined
    resume?.(Effect.succeed(this.take()))
  }

  private onMessage(data: WebSocket.RawData, isBinary: boolean): void {
    if (this.isIgnored) return
    // `binaryType` is what it is by default.
    const bytes = data as Buffer
    this.received ??= []
    this.received.push(isBinary ? bytes : bytes.toString())
    this.receivedBytes += bytes.length + FRAME_OVERHEAD
    if (this.receivedBytes >= RECEIVED_BYTES) this.pause()
    this.wakeReader()
  }

  private onPong(): void {
    this.answered = true
  }

  /** What was wrong is told by the code that the socket closes with. An error that nobody listens to ends the process. */
  private onError(): void {}
}

/** The subprotocol to answer with: the newest that the client offers, or none. */
export const chooseSubprotocol = (offered: ReadonlySet<string>, _request?: IncomingMessage): string | false =>
  SUBPROTOCOLS.find((name) => offered.has(name)) ?? false
