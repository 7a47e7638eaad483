import { DateTime, Duration, Effect, Result } from "effect"
import { allows } from "../access/Policy.ts"
import { RateLimits } from "../access/RateLimits.ts"
import { type InvalidToken, Tokens } from "../access/Tokens.ts"
import { CloseCode } from "../api/CloseCode.ts"
import type { ErrorFrame } from "../api/Protocol.ts"
import { type Answer, Sends } from "../chat/Sends.ts"
import type { Draft } from "../domain/Message.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import { span } from "../observability/Spans.ts"
import { type BadFrame, decodeClientFrame } from "./ClientFrames.ts"
import type { Connection } from "./Connection.ts"
import type { FrameData } from "./ServerWebSocket.ts"

/** How many sends of one socket are submitted together, at most. They keep their order. */
const SEND_GROUP = 128

/** How many bad frames in a row a socket may send before it is closed. */
const BAD_FRAMES = 20

const RETRY_AFTER_MS = 1000

/** What is remembered of a socket between two frames. */
interface State {
  readonly connection: Connection
  /** Bad frames since the last good one. */
  badFrames: number
  /** Sends that are not submitted yet. */
  drafts: Array<Draft>
}

/** A socket is no trace, as it would never end, but what it sends is. */
const receiving = span("socket send", { kind: "server" })

/** Answers what clients send. Its parts are made once: what a socket has of its own is its `State`. */
export const make = Effect.gen(function* () {
  const sends = yield* Sends
  const tokens = yield* Tokens
  const rateLimits = yield* RateLimits

  const submit = Effect.fnUntraced(function* (state: State) {
    if (state.drafts.length === 0) return
    const { connection, drafts } = state
    state.drafts = []
    const answers = yield* receiving(sends.sendAll(drafts))
    for (const [i, answer] of answers.entries()) {
      yield* connection.sendWhenWritable(answerFrame(answer, drafts[i]!.client_id))
    }
  })

  // Answers keep the order of what they answer.
  const refuseSend = Effect.fnUntraced(function* (
    state: State,
    clientId: string | null | undefined,
    error: Omit<ErrorFrame, "type" | "client_id">
  ) {
    yield* submit(state)
    yield* state.connection.sendWhenWritable(errorFrame(error, clientId))
  })

  const takeSend = Effect.fnUntraced(function* (state: State, { client_id, ...draft }: Draft) {
    if (state.connection.hasLimits) {
      const limited = yield* Effect.result(rateLimits.send(draft.sender_id))
      if (Result.isFailure(limited)) {
        return yield* refuseSend(state, client_id, {
          code: "rate_limited",
          message: "Too many messages, send again later",
          retry_after_ms: Math.ceil(Duration.toMillis(limited.failure.retryAfter))
        })
      }
    }
    state.drafts.push({ ...draft, ...(client_id == null ? {} : { client_id }) })
    if (state.drafts.length === SEND_GROUP) yield* submit(state)
  })

  const renew = Effect.fnUntraced(function* ({ connection }: State, token: string) {
    const verified = yield* Effect.result(tokens.verify(token))
    const operation = { _tag: "OpenSocket", of: connection.inbox.userId } as const
    if (Result.isSuccess(verified) && allows(verified.success.caller, operation)) {
      connection.expiresAt = verified.success.expiresAt
      return
    }
    const error = Result.isSuccess(verified)
      ? { code: "forbidden" as const, message: "The token does not allow this for that user" }
      : renewalError(verified.failure)
    connection.sendIfWritable(errorFrame(error))
  })

  const takeBad = Effect.fnUntraced(function* (state: State, { code, message, clientId }: BadFrame) {
    const error = errorFrame({ code, message }, clientId)
    // What answers a send is not dropped: its sender waits for it.
    if (clientId === undefined) state.connection.sendIfWritable(error)
    else yield* state.connection.sendWhenWritable(error)
    if (++state.badFrames >= BAD_FRAMES) state.connection.close(CloseCode.protocolAbuse)
  })

  const take = Effect.fnUntraced(function* (state: State, data: FrameData) {
    const frame = decodeClientFrame(data, state.connection.inbox.userId)
    if (frame.type !== "bad") state.badFrames = 0
    if (frame.type === "send") {
      const { type: _, ...draft } = frame
      return yield* takeSend(state, { ...draft, sender_id: state.connection.inbox.userId })
    }
    yield* submit(state)
    switch (frame.type) {
      case "ping": {
        const now = DateTime.formatIso(yield* DateTime.now)
        return state.connection.sendIfWritable(`{"type":"pong","timestamp":"${now}"}`)
      }
      case "auth":
        return yield* renew(state, frame.token)
      case "bad":
        return yield* takeBad(state, frame)
    }
  })

  /** Takes the frames of one socket, in order, until it ends. A peer that does not read its answers is not read. */
  return Effect.fnUntraced(function* (connection: Connection) {
    const state: State = { connection, badFrames: 0, drafts: [] }
    while (true) {
      const frames = yield* connection.webSocket.nextFrames()
      if (frames.length === 0) return
      for (const data of frames) {
        if (connection.isRefused) return
        yield* take(state, data)
      }
      yield* submit(state)
    }
  })
})

const renewalError = ({ _tag, message }: InvalidToken | Unavailable) =>
  _tag === "Unavailable"
    ? { code: "unavailable" as const, message, retry_after_ms: RETRY_AFTER_MS }
    : { code: "forbidden" as const, message }

const errorFrame = (error: Omit<ErrorFrame, "type" | "client_id">, clientId?: string | null): string =>
  JSON.stringify({ type: "error", ...error, ...(clientId == null ? {} : { client_id: clientId }) })

const answerFrame = (answer: Answer, clientId: string | null | undefined): string => {
  if (Result.isSuccess(answer)) {
    const { message } = answer.success
    return JSON.stringify({ type: "ack", ...(clientId == null ? {} : { client_id: clientId }), message })
  }
  switch (answer.failure._tag) {
    case "SenderNotFound":
    case "ReceiverNotFound":
      return errorFrame({ code: "receiver_not_found", message: "Receiver not found" }, clientId)
    case "ClientIdConflict":
      return errorFrame(
        { code: "conflict", message: "This client_id was used for another message" },
        clientId
      )
    case "Unavailable":
      return errorFrame(
        {
          code: "unavailable",
          message: `${answer.failure.message}, send again with the same client_id`,
          retry_after_ms: RETRY_AFTER_MS
        },
        clientId
      )
  }
}
