import { Deferred, Effect, Latch, Random, type Redacted } from "effect"
import { CloseCode } from "../src/api/CloseCode.ts"
import * as ChatSocket from "./ChatSocket.ts"
import { decode, isInboxEvent, type Message, type ServerFrame } from "./Frame.ts"
import type { Inbox, Received } from "./Inbox.ts"
import { addressOf, type Outgoing, Refused, Unanswered } from "./Outgoing.ts"

export interface Options {
  readonly userId: number
  /** The nodes. The client begins with the one at `firstUrl` and goes on to the next each time that its socket ends. */
  readonly urls: ReadonlyArray<string>
  readonly firstUrl?: number
  readonly token?: Redacted.Redacted
  /** The last number that an earlier client of this user saw; without it this one begins at the head. */
  readonly since?: number
  /** Is given each inbox event as it came, beside what `received` keeps of it. */
  readonly onInboxEvent?: (text: string) => void
  /** The longest wait before another attempt; each waits a random part of a limit that doubles up to this one. */
  readonly maxBackoffMillis?: number
}

/** One connection of a client's life. Times are milliseconds of `performance.now`. */
export interface Visit {
  readonly url: string
  readonly startedAt: number
  /** When the greeting, and the replay where one was asked for, were complete. */
  liveAt?: number
  endedAt?: number
  ending?: ChatSocket.Ending
  /** What a `reconnect` frame asked for. */
  reconnectAfterMillis?: number
  /** The server could not replay from where this client was. */
  unrecovered?: boolean
}

/** A client that comes back from where it was, for as long as its scope lives, and keeps all that it got. */
export interface ChatClient {
  readonly userId: number
  readonly visits: ReadonlyArray<Visit>
  readonly received: ReadonlyArray<Received>
  /** Frames that could not be read. */
  readonly unreadable: ReadonlyArray<string>
  readonly inbox: () => Inbox
  readonly cursor: () => number
  /** Waits until the client is connected and has all that was there when it connected; fails when the server will not have it. */
  readonly live: Effect.Effect<void, Refused>
  /** One attempt over the socket. */
  readonly send: (message: Outgoing) => Effect.Effect<Message, Refused | Unanswered>
  /** Sends a `read` frame. The server answers it only when it fails. */
  readonly markRead: (conversationId: number, messageId: number) => Effect.Effect<void>
  /** The last message of a conversation that the user has read, by its events; 0 for none. */
  readonly readUpTo: (conversationId: number) => number
  readonly drop: Effect.Effect<void>
}

const FINAL_CODES = new Set<number>(
  Object.values(CloseCode)
    .filter(({ reconnect }) => !reconnect)
    .map(({ code }) => code)
)
const RETRIED_ERRORS = new Set(["unavailable", "rate_limited"])
const FIRST_BACKOFF = 100
const DEFAULT_MAX_BACKOFF = 2_000

export const make = Effect.fn("ChatClient.make")(function* (options: Options) {
  const received: Array<Received> = []
  const visits: Array<Visit> = []
  const unreadable: Array<string> = []
  const read = new Map<number, number>()
  const waiting = new Map<string, (answer: Effect.Effect<Message, Refused | Unanswered>) => void>()
  const live = yield* Latch.make()
  const ended = yield* Deferred.make<never, Refused>()
  let socket: ChatSocket.ChatSocket | undefined
  let after = options.since
  let cursor = options.since
  let epoch: string | undefined

  const arrive = (visit: Visit, at: number) => {
    visit.liveAt = at
    live.openUnsafe()
  }

  const greeted = (visit: Visit, frame: Extract<ServerFrame, { type: "system" }>, at: number) => {
    const resuming = cursor !== undefined && frame.recovered !== false
    epoch = frame.epoch
    if (resuming) return
    visit.unrecovered = cursor !== undefined
    cursor = frame.cursor
    after ??= frame.cursor
    arrive(visit, at)
  }

  const answered = (clientId: string, answer: Effect.Effect<Message, Refused | Unanswered>) => {
    waiting.get(clientId)?.(answer)
    waiting.delete(clientId)
  }

  const receive = (visit: Visit, text: string, at: number) => {
    const frame = decode(text)
    if (frame === undefined) return unreadable.push(text)
    if (isInboxEvent(frame)) {
      received.push({ event: frame, at })
      options.onInboxEvent?.(text)
      cursor = Math.max(cursor ?? 0, frame.seq)
      if (frame.type === "read" && frame.user_id === options.userId && frame.conversation_id !== undefined) {
        read.set(frame.conversation_id, frame.message_id ?? 0)
      }
      return
    }
    switch (frame.type) {
      case "system":
        return greeted(visit, frame, at)
      case "resumed":
        return arrive(visit, at)
      case "reconnect":
        visit.reconnectAfterMillis = frame.after_ms
        return
      case "ack":
        return answered(frame.client_id, Effect.succeed(frame.message))
      case "error":
        if (frame.client_id === undefined) return
        return answered(
          frame.client_id,
          RETRIED_ERRORS.has(frame.code)
            ? new Unanswered({ reason: frame.code, retryAfterMillis: frame.retry_after_ms ?? 0 })
            : new Refused({ code: frame.code, detail: frame.message })
        )
    }
  }

  const visitOnce = Effect.fnUntraced(function* (url: string) {
    const visit: Visit = { url, startedAt: performance.now() }
    visits.push(visit)
    const ending = yield* ChatSocket.run({
      url,
      userId: options.userId,
      since: cursor,
      epoch,
      token: options.token,
      onOpen: (opened) => {
        socket = opened
      },
      onFrame: (text, at) => receive(visit, text, at)
    })
    visit.ending = ending
    visit.endedAt = performance.now()
    socket = undefined
    live.closeUnsafe()
    for (const clientId of waiting.keys()) {
      answered(clientId, new Unanswered({ reason: `socket ended with ${ending.code}`, retryAfterMillis: 0 }))
    }
    return visit
  })

  const stay = Effect.gen(function* () {
    let failures = 0
    for (let turn = options.firstUrl ?? 0; ; turn += 1) {
      const visit = yield* visitOnce(options.urls[turn % options.urls.length]!)
      const { code, reason } = visit.ending!
      if (FINAL_CODES.has(code)) {
        return yield* Deferred.fail(ended, new Refused({ code: String(code), detail: reason }))
      }
      failures = visit.liveAt === undefined ? failures + 1 : 0
      const limit = Math.min(FIRST_BACKOFF * 2 ** failures, options.maxBackoffMillis ?? DEFAULT_MAX_BACKOFF)
      yield* Effect.sleep(visit.reconnectAfterMillis ?? (yield* Random.next) * limit)
    }
  })
  yield* Effect.forkScoped(stay)

  const send = (message: Outgoing) =>
    Effect.callback<Message, Refused | Unanswered>((resume) => {
      if (socket === undefined)
        return resume(new Unanswered({ reason: "not connected", retryAfterMillis: 0 }))
      waiting.set(message.clientId, resume)
      socket.send(
        JSON.stringify({
          type: "send",
          ...addressOf(message),
          content: message.content,
          client_id: message.clientId
        })
      )
      return Effect.sync(() => waiting.delete(message.clientId))
    })

  const client: ChatClient = {
    userId: options.userId,
    visits,
    received,
    unreadable,
    inbox: () => ({ userId: options.userId, after: after ?? 0, received }),
    cursor: () => cursor ?? 0,
    live: Effect.raceFirst(live.await, Deferred.await(ended)),
    send,
    markRead: (conversation_id, message_id) =>
      Effect.sync(() => socket?.send(JSON.stringify({ type: "read", conversation_id, message_id }))),
    readUpTo: (conversationId) => read.get(conversationId) ?? 0,
    drop: Effect.sync(() => socket?.drop())
  }
  return client
})
