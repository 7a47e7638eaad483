import { DateTime, Duration, Effect, Option, Result } from "effect"
import type { SocketError } from "effect/socket/Socket"
import { CloseCode } from "../api/CloseCode.ts"
import type { ErrorFrame } from "../api/Protocol.ts"
import { type Answer, Chat } from "../chat/Chat.ts"
import { allows } from "../chat/Policy.ts"
import { RateLimits } from "../chat/RateLimits.ts"
import { type InvalidToken, Tokens } from "../chat/Tokens.ts"
import type { Draft } from "../domain/Message.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import { type BadFrame, decodeClientFrame } from "./ClientFrames.ts"
import type { Connection } from "./Connection.ts"

/** Yields what the client sent since the last time; fails when the socket ends. */
export type Pull = Effect.Effect<ReadonlyArray<string | Uint8Array>, SocketError>

/** How many sends of one socket are submitted together, at most. They keep their order. */
const SEND_GROUP = 128

/** How many bad frames in a row a socket may send before it is closed. */
const BAD_FRAMES = 20

const RETRY_AFTER_MS = 1000

/** Answers what clients send. */
export const make = Effect.gen(function* () {
  const chat = yield* Chat
  const tokens = yield* Tokens
  const rateLimits = yield* RateLimits

  /** Takes the frames of one socket, in order, until it ends. A peer that does not read its answers is not read. */
  return Effect.fnUntraced(function* (connection: Connection, pull: Pull) {
    const { userId } = connection.inbox
    let badFrames = 0
    let drafts: Array<Draft> = []

    const submit = Effect.suspend(() => {
      if (drafts.length === 0) return Effect.void
      const submitted = drafts
      drafts = []
      return Effect.flatMap(chat.sendAll(submitted), (answers) =>
        Effect.forEach(
          answers,
          (answer, i) => connection.sendWhenWritable(answerFrame(answer, submitted[i]!.client_id)),
          { discard: true }
        )
      )
    })

    const mayGoOn = connection.hasLimits ? rateLimits.send(userId) : Effect.void

    const takeSend = Effect.fnUntraced(function* ({ client_id, ...draft }: Draft) {
      if (draft.receiver_id === userId) {
        return yield* refuseSend(client_id, {
          code: "invalid",
          message: "receiver_id: must not be the sender"
        })
      }
      const limited = yield* Effect.result(mayGoOn)
      if (Result.isFailure(limited)) {
        return yield* refuseSend(client_id, {
          code: "rate_limited",
          message: "Too many messages, send again later",
          retry_after_ms: Math.ceil(Duration.toMillis(limited.failure.retryAfter))
        })
      }
      drafts.push({ ...draft, ...(client_id == null ? {} : { client_id }) })
      if (drafts.length === SEND_GROUP) yield* submit
    })

    // Answers keep the order of what they answer.
    const refuseSend = (clientId: string | null | undefined, error: Omit<ErrorFrame, "type" | "client_id">) =>
      Effect.andThen(submit, connection.sendWhenWritable(errorFrame(error, clientId)))

    const renew = Effect.fnUntraced(function* (token: string) {
      const verified = yield* Effect.result(tokens.verify(token))
      if (Result.isSuccess(verified) && allows(verified.success.caller, { _tag: "OpenSocket", of: userId })) {
        connection.expiresAt = verified.success.expiresAt
        return
      }
      const error = Result.isSuccess(verified)
        ? { code: "forbidden" as const, message: "The token does not allow this for that user" }
        : renewalError(verified.failure)
      connection.sendIfWritable(errorFrame(error))
    })

    const takeBad = ({ code, message, clientId }: BadFrame) => {
      connection.sendIfWritable(errorFrame({ code, message }, clientId))
      if (++badFrames >= BAD_FRAMES) connection.close(CloseCode.protocolAbuse)
    }

    const take = Effect.fnUntraced(function* (data: string | Uint8Array) {
      const frame = decodeClientFrame(data)
      if (frame.type !== "bad") badFrames = 0
      if (frame.type === "send") {
        const { type: _, ...draft } = frame
        return yield* takeSend({ ...draft, sender_id: userId })
      }
      yield* submit
      switch (frame.type) {
        case "ping":
          return connection.sendIfWritable(
            `{"type":"pong","timestamp":"${DateTime.formatIso(yield* DateTime.now)}"}`
          )
        case "auth":
          return yield* renew(frame.token)
        case "bad":
          return takeBad(frame)
      }
    })

    while (true) {
      const frames = yield* Effect.option(pull)
      if (Option.isNone(frames)) return
      for (const data of frames.value) {
        if (!connection.isOpen) return
        yield* take(data)
      }
      yield* submit
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
