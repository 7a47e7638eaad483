import { Clock, Deferred, Effect, Fiber, FiberSet, Latch, Queue, Random } from "effect"
import { Socket } from "effect/socket"
import { CloseCode, SUSPENDED } from "../api/CloseCode.ts"
import { Paths } from "../api/Paths.ts"
import type { ClientFrame } from "../api/Protocol.ts"
import type { Message } from "../domain/Message.ts"
import type { UserId } from "../domain/User.ts"
import { Calls } from "./Endpoints.ts"
import { encodeFrame } from "./Frames.ts"
import type { ReaderEvent } from "./Readers.ts"
import type { Rest, RestError } from "./Rest.ts"
import { converse, type Session } from "./Session.ts"
import type { ClosedReason } from "./State.ts"
import type { Store } from "./Store.ts"
import type { Tokens } from "./Token.ts"
import { Unreachable } from "./Unreachable.ts"

/** The first delay before another attempt, at most, and the last. Each is drawn from 0 to its bound: full jitter. In milliseconds. */
const FIRST_DELAY = 500
const LAST_DELAY = 30_000

/** A connection that was open for so long was a good one: the delays begin anew. In milliseconds. */
const GOOD = 5000

/** How long a message may wait for its answer before the connection is taken for dead. In milliseconds. */
const PATIENCE = 20_000

export interface Connection {
  /** Waits until there is a connection. */
  readonly online: Effect.Effect<void>
  /** Sends a message and waits for the answer. Without an answer it may have been sent all the same. */
  send(
    frame: Extract<ClientFrame, { type: "send" }> & { readonly client_id: string }
  ): Effect.Effect<Message, RestError>
  /** Sends a frame if there is a connection. It is not repeated. */
  sendFrame(frame: ClientFrame): Effect.Effect<void>
  /** Whose `presence` frames the server sends, on this connection and those after it. */
  watch(userIds: ReadonlyArray<UserId>): Effect.Effect<void>
  /** Connects now if it is waiting to, and looks whether the connection is alive if it has one. */
  readonly nudge: Effect.Effect<void>
  /** Ends it for good, as the user has signed out in another tab. */
  readonly forgotten: Effect.Effect<void>
}

/** Keeps a connection until the scope closes, or the server refuses it for good. */
export const make = Effect.fnUntraced(function* (
  url: string,
  store: Store,
  tokens: Tokens,
  rest: Rest,
  onEvents: (events: ReadonlyArray<ReaderEvent>) => void
) {
  const latch = yield* Latch.make()
  const nudges = yield* Queue.sliding<void>(1)
  const answers = new Map<string, Deferred.Deferred<Message, RestError>>()
  let session: Session | undefined
  /** When the latest connection was opened, in milliseconds since 1970. */
  let openedAt = Number.POSITIVE_INFINITY
  /** The token that the server has of the latest connection. */
  let given: string | undefined
  let attempts = 0
  let watched: ReadonlyArray<UserId> = []
  const fork = yield* FiberSet.makeRuntime<never>()

  const end = Effect.suspend(() => {
    latch.closeUnsafe()
    session = undefined
    const open = [...answers.values()]
    answers.clear()
    const lost = new Unreachable({ message: "The connection was lost before there was an answer" })
    return Effect.forEach(open, (deferred) => Deferred.fail(deferred, lost), { discard: true })
  })

  /** A token for the connection. */
  const current = Effect.tap(tokens.current, (token) =>
    Effect.sync(() => {
      given = token
    })
  )

  /** A nudge before the connection is open: the network may have changed, and the attempt may be one on the network before. */
  const nudged = Effect.raceFirst(Queue.take(nudges), Effect.andThen(latch.await, Effect.never))

  /** One connection, from its handshake to its end: how it ended. */
  const connect = Effect.gen(function* () {
    openedAt = Number.POSITIVE_INFINITY
    const token = yield* current
    const { cursor, epoch } = store.state.sync
    const place = cursor === undefined ? "" : `?since=${cursor}&epoch=${encodeURIComponent(epoch ?? "")}`
    const path = Paths.webSocket.replace(":user_id", String(store.state.userId))
    const socket = yield* Socket.makeWebSocket(url.replace(/^http/, "ws") + path + place, {
      protocols: token === undefined ? ["minichat.v2"] : ["minichat.v2", `bearer.${token}`],
      openTimeout: "10 seconds"
    })
    const needs = { socket, store, tokens: { ...tokens, current }, nudges, answers, onEvents }
    return yield* converse(needs, (opened, now) => {
      session = opened
      openedAt = now
      latch.openUnsafe()
      if (watched.length > 0) fork(sendFrame({ type: "watch", user_ids: watched }))
    })
  }).pipe(
    Effect.scoped,
    Effect.catchTag("Unreachable", ({ message }) =>
      Effect.succeed({ wasOpen: true, code: undefined, reason: message, after: undefined })
    ),
    Effect.ensuring(end)
  )

  /** Why a handshake was refused for good. A browser does not say; answers of REST do. `undefined`: it was not, or it is unknown. */
  const refusal = Effect.gen(function* () {
    const user_id = store.state.userId
    // The first one only the user itself may make, the second one fails when there is no such user.
    yield* rest(Calls.history, { query: { user_id, limit: 1 } })
    yield* rest(Calls.getUser, { params: { user_id } })
    // A suspended user may make both: this call says so. A failure of this call alone refuses nothing.
    const { suspended_at } = yield* Effect.orElseSucceed(
      rest(Calls.suspension, { params: { user_id } }),
      () => ({ suspended_at: null })
    )
    return suspended_at === null ? undefined : { why: FINAL.get(SUSPENDED.code), message: SUSPENDED.reason }
  }).pipe(
    Effect.catch((error) =>
      Effect.succeed({
        why: error._tag === "Refused" ? REFUSED.get(error.code) : undefined,
        message: error.message
      })
    )
  )

  const close = (reason: ClosedReason, message: string) =>
    Effect.sync(() => store.dispatch({ type: "status", status: { type: "closed", reason, message } }))

  /** Waits, and asks meanwhile whether a handshake was refused for good. A dead network leaves the question open for long. */
  const wait = Effect.fnUntraced(function* (wasOpen: boolean, retryAt: number) {
    const refused = wasOpen ? undefined : yield* refusal
    if (refused?.why !== undefined) return yield* Effect.as(close(refused.why, refused.message), true)
    yield* Effect.sleep(Math.max(retryAt - (yield* Clock.currentTimeMillis), 0))
    return false
  })

  /** Connects again and again. Ends when that is of no use. */
  const run = Effect.gen(function* () {
    while (true) {
      const ended = yield* Effect.raceFirst(connect, nudged)
      if (ended === undefined) continue
      const now = yield* Clock.currentTimeMillis
      if (now - openedAt >= GOOD) attempts = 0
      if (ended.code !== undefined && FINAL.has(ended.code)) {
        const isNew = ended.code === CloseCode.unauthorized.code && (yield* hasNewToken)
        if (!isNew) return yield* close(FINAL.get(ended.code)!, ended.reason)
      }
      const bound = Math.min(LAST_DELAY, FIRST_DELAY * 2 ** attempts++)
      const retryAt = now + (ended.after ?? (yield* Random.nextBetween(0, bound)))
      // It stays so while the next attempt is made: whether there is a network is not known before that one is open.
      store.dispatch({ type: "status", status: { type: "offline", reason: ended.reason, retryAt } })
      if (yield* Effect.raceFirst(wait(ended.wasOpen, retryAt), Queue.take(nudges))) return
    }
  })

  /** Whether there is another token than the one that the server refused. */
  const hasNewToken = Effect.suspend(() =>
    given === undefined || !tokens.isRenewable
      ? Effect.succeed(false)
      : Effect.map(tokens.renewed(given), (token) => token !== given)
  ).pipe(Effect.orElseSucceed(() => true))

  const running = yield* Effect.forkScoped(run)

  const sendFrame = (frame: ClientFrame) =>
    Effect.suspend(() =>
      session === undefined
        ? Effect.void
        : Effect.flatMap(encodeFrame(frame), session.write).pipe(Effect.ignore)
    )

  return {
    online: latch.await,
    sendFrame,
    send: Effect.fnUntraced(function* (frame) {
      const text = yield* encodeFrame(frame)
      const current = session
      if (current === undefined) return yield* new Unreachable({ message: "Not connected" })
      const deferred = Deferred.makeUnsafe<Message, RestError>()
      answers.set(frame.client_id, deferred)
      yield* Effect.ignore(current.write(text))
      return yield* Deferred.await(deferred).pipe(
        Effect.timeoutOrElse({
          duration: PATIENCE,
          orElse: () => {
            current.abandon("The server does not answer")
            return Effect.fail(new Unreachable({ message: "The server did not answer in time" }))
          }
        }),
        Effect.ensuring(Effect.sync(() => answers.delete(frame.client_id)))
      )
    }),
    watch: (userIds) =>
      Effect.suspend(() => {
        watched = userIds
        return sendFrame({ type: "watch", user_ids: userIds })
      }),
    nudge: Effect.asVoid(Queue.offer(nudges, undefined)),
    forgotten: Effect.andThen(close("forgotten", "You signed out in another tab"), Fiber.interrupt(running))
  } satisfies Connection as Connection
})

/** The close codes after which connecting again is of no use, and what each means to an application. */
const FINAL = new Map<number, ClosedReason>([
  [CloseCode.unauthorized.code, "unauthorized"],
  [CloseCode.disconnected.code, "disconnected"],
  [CloseCode.forbidden.code, "forbidden"],
  [CloseCode.userNotFound.code, "user_not_found"],
  [CloseCode.tooManySockets.code, "too_many_sockets"],
  [CloseCode.protocolAbuse.code, "protocol"],
  [CloseCode.frameTooBig.code, "protocol"]
])

/** The same of the problems of REST. By their codes: something between may answer with any status while the server is down. */
const REFUSED = new Map<string, ClosedReason>([
  ["unauthorized", "unauthorized"],
  ["forbidden", "forbidden"],
  ["user-not-found", "user_not_found"]
])
