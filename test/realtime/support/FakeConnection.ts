import { EventEmitter } from "node:events"
import type { Duplex } from "node:stream"
import { Duration, Effect, FiberSet } from "effect"
import type { CloseCode } from "../../../src/api/CloseCode.ts"
import type { Credential } from "../../../src/domain/Caller.ts"
import { UserId } from "../../../src/domain/User.ts"
import { MEMORY_EPOCH } from "../../../src/Epoch.ts"
import { EventBuilder, EventKinds } from "../../../src/inbox/EventKinds.ts"
import { InboxReader } from "../../../src/inbox/InboxReader.ts"
import { LiveInbox } from "../../../src/inbox/LiveInbox.ts"
import { Metrics } from "../../../src/observability/Metrics.ts"
import { Connection } from "../../../src/realtime/Connection.ts"
import type { ServerWebSocket } from "../../../src/realtime/ServerWebSocket.ts"
import { TcpQueue } from "../../../src/realtime/TcpQueue.ts"

/** The server's end of a WebSocket without a network: what is done to it can be looked at. */
export class FakeWebSocket {
  isOpen = true
  isClosed = false
  isRefused = false
  isPaused = false
  pongs = 0
  answersPings = false
  pings = 0
  isTerminated = false
  closedWith: { readonly code: number; readonly reason: string } | undefined
  readonly frames: Array<string> = []
  /** The frames as they were given to it. */
  readonly given: Array<string | Uint8Array> = []
  readonly protocol: string
  /** What the peer is yet to send, a frame at a time; then the socket ends. */
  readonly incoming: Array<object> = []
  onText = () => {}
  private readonly queue: TcpQueue

  constructor(protocol: string, tcp: FakeTcp) {
    this.protocol = protocol
    this.queue = new TcpQueue(tcp as unknown as Duplex)
  }

  get isWritable(): boolean {
    return this.isOpen && this.queue.hasRoom
  }

  get isStalled(): boolean {
    return this.queue.isStalled
  }

  drained(): Effect.Effect<void> {
    return this.queue.drained()
  }

  nextFrames(): Effect.Effect<ReadonlyArray<string>> {
    return Effect.sync(() => this.incoming.splice(0, 1).map((frame) => JSON.stringify(frame)))
  }

  ping(): void {
    this.pings++
    if (this.answersPings) this.pongs++
  }

  sendText(frame: string | Uint8Array): void {
    this.given.push(frame)
    this.frames.push(String(typeof frame === "string" ? frame : Buffer.from(frame)))
    this.onText()
  }

  refuse({ code, reason }: CloseCode): void {
    this.incoming.length = 0
    this.isOpen = false
    this.isRefused = true
    this.closedWith ??= { code, reason }
  }

  terminate(): void {
    this.isOpen = false
    this.isTerminated = true
  }
}

/** A TCP queue as full as a test says. */
export class FakeTcp extends EventEmitter {
  writableLength = 0

  drain(): void {
    this.writableLength = 0
    this.emit("drain")
  }
}

export const SLOW_READER_TIMEOUT = Duration.seconds(30)

export const fakeConnection = Effect.fnUntraced(function* (
  options: {
    readonly userId?: number
    readonly inbox?: LiveInbox
    readonly sent?: number
    readonly protocol?: string
    readonly credential?: Credential
  } = {}
) {
  const {
    userId = 1,
    inbox = new LiveInbox(UserId.make(userId), MEMORY_EPOCH),
    sent = 0,
    protocol = "minichat.v2",
    credential = { caller: { _tag: "Anyone" }, expiresAt: undefined }
  } = options
  const reader = yield* InboxReader
  const kinds = new EventBuilder(yield* EventKinds)
  const metrics = yield* Metrics
  const fork = yield* FiberSet.makeRuntime<never>()
  const tcp = new FakeTcp()
  const webSocket = new FakeWebSocket(protocol, tcp)
  const connection = new Connection({
    inbox,
    webSocket: webSocket as unknown as ServerWebSocket,
    sent,
    reader,
    kinds,
    slowReaderTimeout: SLOW_READER_TIMEOUT,
    credential,
    metrics,
    beginSpan: undefined,
    fork
  })
  inbox.follow(connection.wake, connection.pass)
  return { connection, inbox, webSocket, tcp }
})
