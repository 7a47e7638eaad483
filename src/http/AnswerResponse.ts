import type { IncomingMessage } from "node:http"
import type { Socket } from "node:net"
import { type Placed, Places } from "./Places.ts"
import { PlainResponse } from "./PlainResponse.ts"

/** How many bytes of an answer are written to a connection at a time. The rest follows when the peer has read these. */
const SLICE_BYTES = 32 * 1024

/** How many requests of one connection may be unanswered, or answered in part. */
const UNANSWERED = 8

/** The status that a fiber ends with whose request is answered by a later one. It is not sent. */
export const ANSWERED_LATER = 102

/** An answer that its peer has not read to the end. */
interface UnreadAnswer extends Placed {
  readonly answer: { readonly isQueued: boolean; cut(): void }
  /** When its peer last read. In milliseconds of `performance.now`. */
  readAt: number
}

/** The answers of a server that their peers have not read to the end. */
export class Unread extends Places<UnreadAnswer> {
  private readonly listeners = new Set<() => void>()

  override delete(unread: UnreadAnswer): void {
    super.delete(unread)
    if (this.size > 0 || this.listeners.size === 0) return
    for (const listener of this.listeners) listener()
    this.listeners.clear()
  }

  /** Calls a listener once when no answer is unread: at once, or when the last one is read or its connection closed. */
  whenEmpty(listener: () => void): void {
    if (this.size === 0) listener()
    else this.listeners.add(listener)
  }
}

/** The requests of each connection that are without their whole answer. */
const unanswered = new WeakMap<Socket, Array<AnswerResponse>>()

/**
 * The unanswered requests of a connection. Node closes only the response that it writes when the connection closes: those queued
 * behind it are closed here, so that they give back what they hold.
 */
const unansweredOn = (socket: Socket): Array<AnswerResponse> => {
  const known = unanswered.get(socket)
  if (known !== undefined) return known
  const responses: Array<AnswerResponse> = []
  unanswered.set(socket, responses)
  socket.once("close", () => {
    for (const response of [...responses]) response.closeQueued()
  })
  return responses
}

/**
 * An answer that is written in slices, as fast as its peer reads. With the whole answer in the connection's queue, a peer that reads
 * slowly could not be distinguished from one that reads nothing.
 */
export class AnswerResponse<
  Request extends IncomingMessage = IncomingMessage
> extends PlainResponse<Request> {
  /** When its request came, by `performance.now()`. */
  readonly startedAt = performance.now()
  private readonly unread: Unread
  private readonly connectionOf: Socket
  /** The requests of its connection that are without their whole answer. */
  private readonly unanswered: Array<AnswerResponse>
  /** Its place among the unread ones, while it is one of them. */
  private asUnread: UnreadAnswer | undefined
  /** Whether the whole answer was passed to `end`. */
  private isWhole = false
  private held = false
  private onAbandon: (() => void) | undefined
  private onClosed: Array<() => void> | undefined
  /** Whether the client sent more than `UNANSWERED` requests on this connection without reading the first answer. */
  readonly isTooFarBehind: boolean

  constructor(request: Request, unread: Unread) {
    super(request)
    this.unread = unread
    this.connectionOf = request.socket
    this.unanswered = unansweredOn(request.socket)
    this.isTooFarBehind = this.unanswered.length >= UNANSWERED || request.socket.destroyed
    this.unanswered.push(this as AnswerResponse)
    this.once("close", this.forget)
  }

  /**
   * Calls a listener once it has left the process or its connection is closed: at once when that is so. Listeners of "close" belong
   * to the fiber of the request, these stay while it is held.
   */
  whenClosed(listener: () => void): void {
    if (this.closed) {
      listener()
      return
    }
    this.onClosed ??= []
    this.onClosed.push(listener)
  }

  /**
   * Calls a listener once it may be written, as the earlier requests of its connection are answered, or once its connection is closed:
   * at once when that is so. Returns a function that forgets the listener.
   */
  whenFirst(listener: () => void): () => void {
    if (!this.isQueued || this.closed) {
      listener()
      return () => {}
    }
    this.once("socket", listener)
    this.whenClosed(listener)
    return () => this.off("socket", listener)
  }

  /**
   * Leaves the answer to a fiber that begins later. To the platform it counts as written from now on, so that the fiber of the request
   * writes nothing when it ends. `onAbandon` is called when the connection closes before `resume`.
   */
  hold(onAbandon: () => void): void {
    this.held = true
    this.onAbandon = onAbandon
  }

  /** Whether it waits for a fiber, and its client for it. */
  get isAwaited(): boolean {
    return this.held && !this.closed
  }

  get isHeld(): boolean {
    return this.held
  }

  /**
   * To be called while the answer is held, and the fiber of its request has ended. Forgets the listeners of the platform, which keep
   * that fiber; the next fiber's are added when it begins. The one of "finish" stands first, before Node's own.
   */
  forgetFiber(): void {
    for (const listener of this.listeners("close") as Array<() => void>)
      if (listener !== this.forget) this.off("close", listener)
    const [first, ...others] = this.listeners("finish") as Array<() => void>
    if (first !== undefined && others.length > 0) this.off("finish", first)
  }

  /** Holds the answer no longer: it may be written. */
  resume(): void {
    this.held = false
    this.onAbandon = undefined
  }

  override end(...args: ReadonlyArray<unknown>): this {
    const [given, onFinish] = args
    this.isWhole = true
    const body = typeof given === "string" && given.length > SLICE_BYTES ? Buffer.from(given) : given
    if (body instanceof Uint8Array && body.length > SLICE_BYTES) {
      if (typeof onFinish === "function") this.once("finish", () => onFinish())
      this.writeFrom(body, 0)
    } else Reflect.apply(PlainResponse.prototype.end, this, args)
    if (!this.isTaken) this.markUnread()
    return this
  }

  /** Whether nothing of it waits for its peer any more: the kernel has all that was written. */
  private get isTaken(): boolean {
    return this.closed || this.writableFinished || (this.socket !== null && this.socket.writableLength === 0)
  }

  /** Writes a part of an answer that streams. Its peer is watched, like that of a whole answer. */
  override write(...args: ReadonlyArray<unknown>): boolean {
    const isTaken: boolean = Reflect.apply(PlainResponse.prototype.write, this, args)
    if (!isTaken && !this.isWhole && !this.closed) {
      this.markUnread()
      this.once("drain", this.forgetPart)
    }
    return isTaken
  }

  private writeFrom(body: Uint8Array, start: number): void {
    const end = start + SLICE_BYTES
    if (this.asUnread !== undefined) this.asUnread.readAt = performance.now()
    if (end >= body.length) {
      super.end(body.subarray(start))
      return
    }
    if (this.write(body.subarray(start, end))) process.nextTick(() => this.writeFrom(body, end))
    else this.once("drain", () => this.writeFrom(body, end))
  }

  private forgetPart(): void {
    // Another listener of the same event may already have written the next part, which waits for the peer.
    if (!this.isWhole && !this.writableNeedDrain) this.markRead()
  }

  private markUnread(): void {
    if (this.connectionOf.destroyed) return
    if (this.asUnread !== undefined) this.unread.delete(this.asUnread)
    this.asUnread = { place: 0, answer: this, readAt: performance.now() }
    this.unread.add(this.asUnread)
  }

  private markRead(): void {
    if (this.asUnread === undefined) return
    this.unread.delete(this.asUnread)
    this.asUnread = undefined
  }

  /** How many bytes of its connection the peer has read, or the kernel has buffered. */
  get readBytes(): number {
    return this.connectionOf.bytesWritten - this.connectionOf.writableLength
  }

  private forget(): void {
    this.markRead()
    this.unanswered.splice(this.unanswered.indexOf(this as AnswerResponse), 1)
    this.onAbandon?.()
    for (const listener of this.onClosed ?? []) listener()
  }

  /** Whether it cannot be written yet, as an earlier request of its connection is not answered. */
  get isQueued(): boolean {
    return this.socket === null && !this.writableFinished
  }

  /** Closes it with its connection, as Node closes the one that it writes. */
  closeQueued(): void {
    if (this.closed || this.socket !== null) return
    this.destroyed = true
    Reflect.set(this, "_closed", true)
    this.emit("close")
  }

  /** Destroys the connection: the peer does not read. */
  cut(): void {
    this.connectionOf.destroy()
  }
}

// Node declares it as a property, which a class cannot override by an accessor.
Object.defineProperty(AnswerResponse.prototype, "writableEnded", {
  get(this: AnswerResponse): boolean {
    return this.isHeld || Reflect.get(PlainResponse.prototype, "writableEnded", this)
  }
})
