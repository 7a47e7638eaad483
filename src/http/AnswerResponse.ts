import type { IncomingMessage } from "node:http"
import type { Socket } from "node:net"
import { PlainResponse } from "./PlainResponse.ts"

/** How many bytes of an answer are handed to a connection at a time. The rest follows when the peer has read these. */
const SLICE_BYTES = 32 * 1024

/** How many requests of one connection may be without their whole answer. */
const UNANSWERED = 8

/** The status that a fiber ends with whose request is answered by a later one. It is not sent. */
export const ANSWERED_LATER = 102

/** The answers of a server that their peers have not read to the end, each with the time at which its peer last read. */
export class Unread extends Map<{ cut(): void }, number> {
  private readonly listeners = new Set<() => void>()

  override delete(answer: { cut(): void }): boolean {
    const isRemoved = super.delete(answer)
    if (this.size === 0) {
      for (const listener of this.listeners) listener()
      this.listeners.clear()
    }
    return isRemoved
  }

  /** Calls a listener once when no answer is unread: at once, or when the last one is read or its connection closed. */
  whenEmpty(listener: () => void): void {
    if (this.size === 0) listener()
    else this.listeners.add(listener)
  }
}

/** How many requests of each connection are without their whole answer. */
const unanswered = new WeakMap<Socket, number>()

const lasting = new WeakSet<() => void>()

/** Marks a listener of "close" that an answer keeps while it is held. Any other belongs to the fiber of its request. */
export const lastsWhileHeld = <Listener extends () => void>(listener: Listener): Listener => {
  lasting.add(listener)
  return listener
}

/**
 * An answer that is written as fast as its peer reads, in slices. With the whole answer in the connection's queue nothing
 * would tell a peer that reads slowly from one that reads nothing.
 */
export class AnswerResponse<
  Request extends IncomingMessage = IncomingMessage
> extends PlainResponse<Request> {
  /** When its request came, by `performance.now()`. */
  readonly startedAt = performance.now()
  private readonly unread: Unread
  private readonly connectionOf: Socket
  /** Whether all of it is there to be written. */
  private isWhole = false
  private held = false
  private onAbandon: (() => void) | undefined
  /** Whether the client sent more requests on this connection than are taken before the first of them is answered. */
  readonly isTooFarBehind: boolean

  constructor(request: Request, unread: Unread) {
    super(request)
    this.unread = unread
    this.connectionOf = request.socket
    const before = unanswered.get(request.socket) ?? 0
    unanswered.set(request.socket, before + 1)
    this.isTooFarBehind = before >= UNANSWERED || request.socket.destroyed
    this.once("close", this.forget)
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
      if (listener !== this.forget && !lasting.has(listener)) this.off("close", listener)
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
    if (!this.writableFinished && !this.closed) this.unread.set(this, performance.now())
    return this
  }

  /** A part of an answer that is not whole yet: a peer that does not read it is found as one that does not read the end. */
  override write(...args: ReadonlyArray<unknown>): boolean {
    const isTaken: boolean = Reflect.apply(PlainResponse.prototype.write, this, args)
    if (!isTaken && !this.isWhole && !this.closed) {
      this.unread.set(this, performance.now())
      this.once("drain", this.forgetPart)
    }
    return isTaken
  }

  private writeFrom(body: Uint8Array, start: number): void {
    const end = start + SLICE_BYTES
    if (this.unread.has(this)) this.unread.set(this, performance.now())
    if (end >= body.length) {
      super.end(body.subarray(start))
      return
    }
    if (this.write(body.subarray(start, end))) process.nextTick(() => this.writeFrom(body, end))
    else this.once("drain", () => this.writeFrom(body, end))
  }

  private forgetPart(): void {
    // Another listener for the same event may have written the next part before, which waits for the peer already.
    if (!this.isWhole && !this.writableNeedDrain) this.unread.delete(this)
  }

  /** How many bytes the peer of its connection has read, or the system took for it. */
  get readBytes(): number {
    return this.connectionOf.bytesWritten - this.connectionOf.writableLength
  }

  private forget(): void {
    this.unread.delete(this)
    unanswered.set(this.connectionOf, (unanswered.get(this.connectionOf) ?? 1) - 1)
    this.onAbandon?.()
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
