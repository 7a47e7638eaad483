import { Clock, Deferred, Effect, Queue as Q, type Queue } from "effect"
import type { Socket } from "effect/socket"
import type { ErrorFrame } from "../api/Protocol.ts"
import type { Message } from "../domain/Message.ts"
import { decodeFrame, encodeFrame, type Received } from "./Frames.ts"
import type { Input } from "./Input.ts"
import type { ReaderEvent } from "./Readers.ts"
import { Refused, type RestError } from "./Rest.ts"
import type { InboxEvent } from "./State.ts"
import type { Store } from "./Store.ts"
import type { Tokens } from "./Token.ts"
import { reasonOf } from "./Unreachable.ts"

/** A ping follows so long a silence of the server, and an answer to it has to come so soon. In milliseconds. Together under 35 s. */
const SILENCE = 25_000
const PONG_WITHIN = 8000

/** How soon the answer to a ping has to come that was sent because the network may have changed. In milliseconds. */
const NUDGE_WITHIN = 4000

/** How long the server may take for its first frame, in milliseconds. */
const GREETING = 10_000

/** How often typing that ended is looked for while anyone types, in milliseconds. */
const TICK = 1000

/** How a connection ended. */
export interface Ended {
  readonly wasOpen: boolean
  /** The close code; none when the connection broke. */
  readonly code: number | undefined
  readonly reason: string
  /** When to connect again, in milliseconds; none when the server did not say. */
  readonly after: number | undefined
}

/** An open connection. */
export interface Session {
  write(text: string): Effect.Effect<void, Socket.SocketError>
  /** Ends the connection without waiting for the peer. */
  abandon(reason: string): void
}

interface Needs {
  readonly socket: Socket.Socket
  readonly store: Store
  readonly tokens: Tokens
  readonly nudges: Queue.Dequeue<void>
  /** Who waits for the answer to a message, by its `client_id`. */
  readonly answers: ReadonlyMap<string, Deferred.Deferred<Message, RestError>>
  readonly onEvents: (events: ReadonlyArray<ReaderEvent>) => void
}

/** Takes what comes on a socket until the socket ends. */
export const converse = Effect.fnUntraced(function* (
  { socket, store, tokens, nudges, answers, onEvents }: Needs,
  onOpen: (session: Session, now: number) => void
) {
  const ending = yield* Deferred.make<Ended>()
  let wasOpen = false
  let after: number | undefined
  let heardAt = yield* Clock.currentTimeMillis

  const endWith = (reason: string, code?: number) =>
    Effect.map(Clock.currentTimeMillis, (now) =>
      Deferred.doneUnsafe(
        ending,
        Effect.succeed({
          wasOpen,
          code,
          reason,
          after: after === undefined ? undefined : Math.max(after - now, 0)
        })
      )
    )

  /** Answers what one frame settles; the change of the state that it means. */
  const take = Effect.fnUntraced(function* (
    frame: Received,
    write: Session["write"]
  ): Effect.fn.Return<Input | undefined> {
    switch (frame.type) {
      case "system": {
        wasOpen = true
        onOpen({ write, abandon: (reason) => Effect.runSync(endWith(reason)) }, heardAt)
        const { cursor, epoch, recovered = true } = frame
        const isGap = !recovered && store.state.sync.cursor !== undefined
        store.dispatch(
          { type: "connected", cursor, epoch, recovered },
          { type: "status", status: { type: "online" } }
        )
        if (isGap) onEvents([{ type: "gap", seq: cursor }])
        return undefined
      }
      case "ack": {
        const deferred = answers.get(frame.client_id ?? "")
        if (deferred !== undefined) yield* Deferred.succeed(deferred, frame.message)
        return undefined
      }
      case "error": {
        const deferred = answers.get(frame.client_id ?? "")
        if (deferred !== undefined) yield* Deferred.fail(deferred, refusedBy(frame))
        return undefined
      }
      case "reconnect": {
        after = (yield* Clock.currentTimeMillis) + frame.after_ms
        // The server closes the socket itself; this is for one that does not.
        yield* Effect.forkChild(Effect.delay(endWith("The server restarts"), frame.after_ms + GREETING))
        return undefined
      }
      case "pong":
      case "resumed":
        return undefined
      case "typing":
      case "presence":
        return { type: "passing", frame, now: yield* Clock.currentTimeMillis }
      case "read":
        if (frame.seq === undefined) return { type: "passing", frame, now: 0 }
        return { type: "event", event: frame as InboxEvent }
      default:
        return { type: "event", event: frame }
    }
  })

  const read = Effect.gen(function* () {
    const { pull } = yield* socket.reader
    const { write } = yield* socket.writer
    yield* Effect.forkScoped(beat(write))
    yield* Effect.forkScoped(renew(write))
    while (true) {
      const texts = yield* pull
      heardAt = yield* Clock.currentTimeMillis
      const inputs: Array<Input> = []
      for (const text of texts) {
        if (typeof text !== "string") continue
        const frame = yield* decodeFrame(text)
        const input = frame === undefined ? undefined : yield* take(frame, write)
        if (input !== undefined) inputs.push(input)
      }
      yield* apply(inputs)
    }
  })

  /** Takes the events of one batch in one step. */
  const apply = (inputs: ReadonlyArray<Input>) =>
    Effect.suspend(() => {
      if (inputs.length === 0) return Effect.void
      let cursor = store.state.sync.cursor ?? 0
      store.dispatch(...inputs)
      const events = inputs.flatMap((input) => (input.type === "event" ? [input.event] : []))
      /** Those that the state has taken: no repeats, and none after a gap. */
      const taken: Array<InboxEvent> = []
      for (const event of events) {
        if (event.seq !== cursor + 1) continue
        cursor++
        taken.push(event)
      }
      if (taken.length > 0) onEvents(taken)
      // An event is missing between two: the connection begins anew at the cursor.
      return events.some(({ seq }) => seq > cursor) ? endWith("An event was missing") : Effect.void
    })

  /** Ends the connection when the server is silent: no close event comes of one that is half open. */
  const beat = Effect.fnUntraced(function* (write: Session["write"]) {
    const started = yield* Clock.currentTimeMillis
    while (!wasOpen) {
      yield* Effect.sleep(TICK)
      if (!wasOpen && (yield* Clock.currentTimeMillis) - started > GREETING)
        return yield* endWith("The server did not greet")
    }
    while (true) {
      const silence = (yield* Clock.currentTimeMillis) - heardAt
      const nudged = yield* Effect.raceFirst(
        Effect.as(Effect.sleep(Math.max(SILENCE - silence, 0)), false),
        Effect.as(Q.take(nudges), true)
      )
      const asked = yield* Clock.currentTimeMillis
      if (!nudged && asked - heardAt < SILENCE) continue
      yield* Effect.ignore(Effect.flatMap(encodeFrame({ type: "ping" }), write))
      yield* Effect.sleep(nudged ? NUDGE_WITHIN : PONG_WITHIN)
      if (heardAt < asked) return yield* endWith("The server is silent")
    }
  })

  /** Sends a new token before the one of the socket expires. */
  const renew = Effect.fnUntraced(function* (write: Session["write"]) {
    while (true) {
      const delay = yield* tokens.renewIn
      if (delay === undefined) return
      yield* Effect.sleep(delay)
      const token = yield* Effect.orElseSucceed(tokens.current, () => undefined)
      if (token === undefined) yield* Effect.sleep(TICK)
      else yield* Effect.ignore(Effect.flatMap(encodeFrame({ type: "auth", token }), write))
    }
  })

  const tick = Effect.gen(function* () {
    while (true) {
      yield* Effect.sleep(TICK)
      if (store.state.typing.size > 0) store.dispatch({ type: "tick", now: yield* Clock.currentTimeMillis })
    }
  })

  yield* Effect.forkScoped(tick)
  yield* read.pipe(
    Effect.catch((error) => {
      const { reason } = error
      return reason._tag === "SocketCloseError"
        ? endWith(reason.closeReason ?? `The server closed the connection (${reason.code})`, reason.code)
        : endWith("The connection broke")
    }),
    // The browser opens no socket, as with a token that cannot be a subprotocol.
    Effect.catchDefect((defect) => endWith(reasonOf(defect))),
    Effect.forkScoped
  )
  return yield* Deferred.await(ending)
})

const refusedBy = ({ code, message, retry_after_ms }: ErrorFrame): Refused => {
  const isTemporary = code === "rate_limited" || code === "unavailable"
  return new Refused({
    status: 0,
    code,
    message,
    retryAfter: isTemporary ? (retry_after_ms ?? 1000) : undefined
  })
}
