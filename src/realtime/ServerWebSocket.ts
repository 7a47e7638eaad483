import type { IncomingMessage } from "node:http"
import type { Duplex } from "node:stream"
import { Effect } from "effect"
import { WebSocket } from "ws"
import type { FrameBudget, FrameSource } from "../access/FrameBudgets.ts"
import type { CloseCode } from "../api/CloseCode.ts"
import { SUBPROTOCOLS } from "../api/Protocol.ts"
import { type FrameParser, Pieces } from "./Pieces.ts"
import { TcpQueue } from "./TcpQueue.ts"

declare module "ws" {
  namespace WebSocket {
    interface ServerOptions {
      /** How long a peer may take to answer a close frame before its connection is destroyed. In milliseconds. */
      closeTimeout?: number | undefined
    }
  }
  interface WebSocket {
    /** Called by the upgrade, once, with the connection that the WebSocket takes over. */
    setSocket(socket: Duplex, head: Buffer, options: object): void
  }
}

/** The content of a frame: text, or the bytes of a binary frame. */
export type FrameData = string | Uint8Array

/** The connection is paused while so many received bytes are not taken by `nextFrames`. */
const RECEIVED_BYTES = 64 * 1024

/** How many bytes a frame counts in addition to its content, so that empty frames are bounded too. */
const FRAME_OVERHEAD = 16

const NO_FRAMES: ReadonlyArray<FrameData> = []

/** A frame of at most so many bytes is copied behind its header. */
const COPIED_BYTES = 4096

/** A whole text frame of RFC 6455, not masked, whose content has at most 65,535 bytes. */
const textFrame = (content: Uint8Array): Buffer => {
  const isShort = content.length < 126
  const header = isShort ? 2 : 4
  const frame = Buffer.allocUnsafe(header + content.length)
  frame[0] = 0x81
  if (isShort) frame[1] = content.length
  else {
    frame[1] = 126
    frame.writeUInt16BE(content.length, 2)
  }
  frame.set(content, header)
  return frame
}

/**
 * The server's side of a WebSocket, read and written by effects. Its listeners are methods, shared by all sockets, so
 * that an idle socket needs little memory beside its connection.
 */
export class ServerWebSocket extends WebSocket implements FrameSource {
  /** The code of the side that closed first; 1006 when neither closed and the connection was lost. */
  closeCode = 1006
  private queue!: TcpQueue
  private connection!: Duplex
  private pongsReceived = 0
  private received: Array<FrameData> | undefined
  private receivedBytes = 0
  private refused = false
  private budget: FrameBudget | undefined
  /** Whether the frame budget is exhausted, so that the connection is paused. */
  private isStopped = false
  private pieces: Pieces | undefined
  private reader: ((frames: Effect.Effect<ReadonlyArray<FrameData>>) => void) | undefined

  override setSocket(socket: Duplex, head: Buffer, options: object): void {
    this.queue = new TcpQueue(socket)
    this.connection = socket
    super.setSocket(socket, head, options)
    // ws calls each with the socket as `this`.
    this.on("message", this.onMessage)
    this.on("ping", this.onPing)
    this.on("pong", this.onPong)
    this.on("close", this.onClose)
    this.on("error", this.onError)
  }

  override close(code?: number, reason?: string | Buffer): void {
    if (this.readyState === this.OPEN) this.closeCode = code ?? 1005
    super.close(code, reason)
  }

  get isOpen(): boolean {
    return this.readyState === this.OPEN
  }

  /** Whether the TCP connection has ended too. */
  get isClosed(): boolean {
    return this.readyState === this.CLOSED
  }

  /** Whether this side closed it, so that no more of the peer's frames are taken. */
  get isRefused(): boolean {
    return this.refused
  }

  /** How many pongs the peer sent so far. */
  get pongs(): number {
    return this.pongsReceived
  }

  /** How many bytes were written and not yet read by the peer. */
  get queuedBytes(): number {
    return this.queue.bytes
  }

  /** Whether more may be written now. */
  get isWritable(): boolean {
    return this.isOpen && this.queue.hasRoom
  }

  /** Whether a fiber waits in `drained` for the peer to read. */
  get isStalled(): boolean {
    return this.queue.isStalled
  }

  /** Waits until the peer has read enough for more to be written, or the connection is closed. */
  drained(): Effect.Effect<void> {
    return this.queue.drained()
  }

  /** Sends a text frame, given as text or as its UTF-8 bytes. Bytes are not encoded again for each socket. */
  sendText(frame: string | Uint8Array): void {
    // ws writes the header and the content apart. One write of a copy takes less, up to some size. Nothing of ws waits to be written: it
    // queues frames only while it compresses one or reads a Blob, and here it does neither.
    if (typeof frame !== "string" && frame.length <= COPIED_BYTES && this.isOpen) {
      this.connection.write(textFrame(frame))
    } else this.send(frame, { binary: false })
  }

  /**
   * The frames that the peer sent since the last call, in order; waits for one if there is none. The answer is empty
   * once the socket is closed and all frames were taken. One reader may wait at a time.
   */
  nextFrames(): Effect.Effect<ReadonlyArray<FrameData>> {
    return Effect.callback((resume) => {
      if (this.received !== undefined || this.isClosed) {
        return resume(Effect.succeed(this.take()))
      }
      this.reader = resume
      return Effect.sync(() => {
        this.reader = undefined
      })
    })
  }

  /**
   * Closes the socket from this side, unless it is closed already. Frames of the peer are discarded from here on, those
   * that were not taken yet too: a connection paused for them would not read the peer's close frame.
   */
  refuse(why: CloseCode): void {
    this.refused = true
    this.pieces?.goOn()
    this.take()
    this.close(why.code, why.reason)
  }

  /** Charges the peer's frames to a budget from now on. */
  meter(budget: FrameBudget): void {
    if (this.isClosed) return
    budget.join()
    this.budget = budget
    const { _receiver } = this as unknown as { readonly _receiver: FrameParser }
    this.pieces = Pieces.of(_receiver, () => !this.isStopped || this.refused || !this.isOpen)
  }

  pauseReading(): void {
    this.isStopped = true
    if (this.isOpen) this.pause()
  }

  resumeReading(): void {
    this.isStopped = false
    this.pieces?.goOn()
    if (!this.isStopped && this.isPaused && this.receivedBytes < RECEIVED_BYTES) this.resume()
  }

  private take(): ReadonlyArray<FrameData> {
    const frames = this.received ?? NO_FRAMES
    this.received = undefined
    this.receivedBytes = 0
    if (this.isPaused && (!this.isStopped || this.refused)) this.resume()
    return frames
  }

  private wakeReader(): void {
    const resume = this.reader
    this.reader = undefined
    resume?.(Effect.succeed(this.take()))
  }

  private onClose(): void {
    this.budget?.leave(this)
    this.wakeReader()
  }

  private onPing(): void {
    this.budget?.take(this)
  }

  private onMessage(data: WebSocket.RawData, isBinary: boolean): void {
    this.budget?.take(this)
    if (this.refused) return
    // `binaryType` has its default, so ws gives a Buffer.
    const bytes = data as Buffer
    this.received ??= []
    this.received.push(isBinary ? bytes : bytes.toString())
    this.receivedBytes += bytes.length + FRAME_OVERHEAD
    if (this.receivedBytes >= RECEIVED_BYTES) this.pause()
    this.wakeReader()
  }

  private onPong(): void {
    this.pongsReceived++
    this.budget?.take(this)
  }

  /** Does nothing: the close code has the fault. Without a listener an error would end the process. */
  private onError(): void {}
}

/** The subprotocol to answer with: the newest that the client offers, or none. */
export const chooseSubprotocol = (offered: ReadonlySet<string>, _request?: IncomingMessage): string | false =>
  SUBPROTOCOLS.find((name) => offered.has(name)) ?? false
