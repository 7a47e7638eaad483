import { Duration, Effect } from "effect"
import { CloseCode } from "../api/CloseCode.ts"
import type { Credential } from "../domain/Caller.ts"
import type { InboxEvent } from "../domain/Event.ts"
import type { EventBuilder, Report } from "../inbox/EventKinds.ts"
import type { InboxReader } from "../inbox/InboxReader.ts"
import type { LiveInbox } from "../inbox/LiveInbox.ts"
import type { Metrics } from "../observability/Metrics.ts"
import type { DeliverySpan } from "../observability/Spans.ts"
import { serverFrame } from "./ServerFrames.ts"
import type { ServerWebSocket } from "./ServerWebSocket.ts"

/** How many events one query reads from the inbox. With the bytes of its TCP queue this bounds a connection's memory. */
const PAGE_EVENTS = 64

/** What changes whose presence a user may see. */
export type SightChange = Extract<Report, "block changed" | "membership ended">

/** How long the writer waits before it repeats a query that the database did not answer. */
const PAGE_RETRY = Duration.millis(500)

/**
 * One socket of a user. Its place in the inbox is one number: `sent`, the last event that was written to it. The writer
 * writes the events after `sent` until `sent` is the head. After a resume, a gap, a slow reader or an outage of Redis,
 * `sent` is behind the head, and the same writer goes on.
 */
export class Connection {
  readonly inbox: LiveInbox
  readonly webSocket: ServerWebSocket
  /** By `performance.now`. */
  readonly openedAt = performance.now()
  /** Whether the socket gets every kind of event, as one of version 2 does. */
  private readonly knowsAllEvents: boolean
  private readonly reader: InboxReader["Service"]
  private readonly kinds: EventBuilder
  private readonly slowReaderTimeout: Duration.Duration
  private readonly metrics: Metrics
  private readonly beginSpan: DeliverySpan | undefined
  private readonly fork: (effect: Effect.Effect<void>) => void
  private sent: number
  /** Events up to this one are excluded from the lag metric: the client was absent or not reading. */
  private awaitedClient: number
  /** What `sent` was when it fell behind. */
  private behindSince = 0
  private resumeUntil: number | undefined
  private writing = false
  private currentCredential: Credential
  private onSightChange: ((report: SightChange) => Effect.Effect<void>) | undefined

  constructor(options: {
    readonly inbox: LiveInbox
    readonly webSocket: ServerWebSocket
    readonly sent: number
    readonly reader: InboxReader["Service"]
    readonly kinds: EventBuilder
    readonly slowReaderTimeout: Duration.Duration
    readonly credential: Credential
    readonly metrics: Metrics
    readonly beginSpan: DeliverySpan | undefined
    /** Runs the writer, or a look-up of the socket, in a fiber of the socket's scope. */
    readonly fork: (writer: Effect.Effect<void>) => void
  }) {
    this.inbox = options.inbox
    this.webSocket = options.webSocket
    this.sent = options.sent
    this.reader = options.reader
    this.kinds = options.kinds
    this.slowReaderTimeout = options.slowReaderTimeout
    this.knowsAllEvents = options.webSocket.protocol === "minichat.v2"
    this.currentCredential = options.credential
    this.metrics = options.metrics
    this.beginSpan = options.beginSpan
    this.awaitedClient = options.inbox.head
    this.fork = options.fork
  }

  /** The credential of the client's latest token: whom the client may read and send as. */
  get credential(): Credential {
    return this.currentCredential
  }

  /** Takes the credential of a new token in place of the former one. */
  renew(credential: Credential): void {
    this.currentCredential = credential
  }

  /** Sets the effect that runs, in a fiber of the socket's scope, each time that the socket was sent an event of such a change. */
  whenSightChanges(effect: (report: SightChange) => Effect.Effect<void>): void {
    this.onSightChange = effect
  }

  get isVersion2(): boolean {
    return this.knowsAllEvents
  }

  get isOpen(): boolean {
    return this.webSocket.isOpen
  }

  /** Whether more may be written now. */
  get isWritable(): boolean {
    return this.webSocket.isWritable
  }

  /** Starts the writer. With `resumeUntil`, the events up to that number are a replay: a `resumed` frame follows them. */
  start(resumeUntil: number | undefined): void {
    this.resumeUntil = resumeUntil
    this.endReplay()
    this.wake()
  }

  /** Writes the events after `sent`: at once if the inbox has them in memory, else in a fiber of the socket's scope. */
  readonly wake = (): void => {
    if (this.writing) return
    if (this.writeFromMemory() === "caught up") return
    this.writing = true
    this.behindSince = this.sent
    this.fork(this.catchUp())
  }

  /** Sends a frame, or drops it when the peer does not read. Not for events. */
  sendIfWritable(frame: string): void {
    if (this.isWritable) this.webSocket.sendText(frame)
  }

  /** Sends a frame that has no number, or drops it when the peer does not read; answers whether it was sent. */
  readonly pass = (frame: Uint8Array): boolean => {
    if (!this.knowsAllEvents || !this.isWritable) return false
    this.webSocket.sendText(frame)
    return true
  }

  /** Sends a frame once the peer has read enough. Drops it only when the socket is closed. */
  sendWhenWritable(frame: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (!this.isOpen) return Effect.void
      if (!this.isWritable) return Effect.andThen(this.drained(), this.sendWhenWritable(frame))
      this.webSocket.sendText(frame)
      return Effect.void
    })
  }

  close(why: CloseCode): void {
    this.webSocket.refuse(why)
  }

  private writeFromMemory(): "caught up" | "behind" | "stalled" | "closed" {
    while (this.isOpen && this.sent < this.inbox.head) {
      if (!this.isWritable) return "stalled"
      // A replay is read from the database: the frames in memory show messages as they were before an edit or a deletion.
      const events = this.resumeUntil === undefined ? this.inbox.after(this.sent) : undefined
      if (events === undefined) return "behind"
      this.writeAll(events)
    }
    return this.isOpen ? "caught up" : "closed"
  }

  /** Writes events in order, all of them or until the TCP queue is full. */
  private writeAll(events: ReadonlyArray<InboxEvent>): void {
    for (const event of events) {
      if (!this.isWritable) return
      if (this.knowsAllEvents || this.kinds.isForVersion1(event.type)) this.write(event)
      this.sent = event.seq
      this.endReplay()
    }
  }

  private write({ seq, type, frame, traceparent, committedAt }: InboxEvent): void {
    const endSpan = this.beginSpan?.(traceparent)
    this.webSocket.sendText(frame)
    endSpan?.()
    this.metrics.delivery()
    const report = this.kinds.reportOf(type)
    if ((report === "block changed" || report === "membership ended") && this.onSightChange !== undefined)
      this.fork(this.onSightChange(report))
    if (report === "message received" && committedAt !== undefined && seq > this.awaitedClient)
      this.metrics.deliveryLag(committedAt)
  }

  private endReplay(): void {
    if (this.resumeUntil === undefined || this.sent < this.resumeUntil) return
    this.resumeUntil = undefined
    if (this.knowsAllEvents) {
      this.webSocket.sendText(serverFrame({ type: "resumed", recovered: true, cursor: this.sent }))
    }
  }

  /** Writes until `sent` is the head. A socket runs one such loop at a time. */
  private catchUp(): Effect.Effect<void> {
    return Effect.suspend(() => {
      switch (this.writeFromMemory()) {
        case "caught up":
          this.metrics.catchUp(this.sent - this.behindSince)
          this.writing = false
          return Effect.void
        case "closed":
          this.writing = false
          return Effect.void
        case "stalled":
          return Effect.andThen(this.drained(), this.catchUp())
        case "behind":
          return Effect.andThen(this.writePage(), this.catchUp())
      }
    })
  }

  private writePage(): Effect.Effect<void> {
    return this.reader.events(this.inbox.userId, this.sent, PAGE_EVENTS, this.inbox.epoch).pipe(
      Effect.map((events) => {
        if (events[0]?.seq !== this.sent + 1) {
          // Events that this socket still needs were pruned. The client reconnects, and its `system` frame says so.
          this.inbox.learn(this.inbox.head, this.sent + 1)
          return this.close(CloseCode.tooSlow)
        }
        // Events that do not fit into the TCP queue are dropped, and read again when the queue has drained.
        this.writeAll(events)
      }),
      Effect.catchTag("Unavailable", () => Effect.sleep(PAGE_RETRY)),
      Effect.catchDefect((defect) =>
        Effect.andThen(
          Effect.logError("An inbox could not be read", defect),
          Effect.sync(() => this.close(CloseCode.serverError))
        )
      )
    )
  }

  /** Waits until the TCP queue has drained, or the socket is closed. Closes it after `slowReaderTimeout`. */
  private drained(): Effect.Effect<void> {
    if (this.isWritable || !this.isOpen) return Effect.void
    return this.webSocket.drained().pipe(
      Effect.timeoutOrElse({
        duration: this.slowReaderTimeout,
        orElse: () => Effect.sync(() => this.close(CloseCode.tooSlow))
      }),
      Effect.ensuring(
        Effect.sync(() => {
          this.awaitedClient = this.inbox.head
        })
      )
    )
  }
}
