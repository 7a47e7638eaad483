import * as Problems from "../api/Problems.ts"
import type { ErrorFrame } from "../api/Protocol.ts"
import type { Forbidden, InvalidToken, RateLimited, Suspended } from "../domain/Caller.ts"
import type { MessageNotFound, SendError } from "../domain/Message.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import type { Denied } from "../repo/ConversationRepo.ts"
import { serverFrame } from "./ServerFrames.ts"

/** The code and sentence of an `error` frame. The sentence is the default `detail` of the problem that REST answers, where there is one. */
export type FrameError = Omit<ErrorFrame, "type" | "client_id">

const RECEIVER_NOT_FOUND: FrameError = {
  code: "receiver_not_found",
  message: new Problems.ReceiverNotFound().message
}
const CONFLICT: FrameError = { code: "conflict", message: new Problems.ClientIdConflict().message }
const forbidden = ({ detail }: Forbidden): FrameError => ({
  code: "forbidden",
  message: detail ?? new Problems.Forbidden().message
})
const SUSPENDED: FrameError = { code: "forbidden", message: new Problems.UserSuspended().message }
const BLOCKED: FrameError = { code: "forbidden", message: new Problems.Blocked().message }
const NOT_MEMBER: FrameError = { code: "forbidden", message: new Problems.NotMember().message }
const CONVERSATION_NOT_FOUND: FrameError = {
  code: "not_found",
  message: new Problems.ConversationNotFound().message
}
const MESSAGE_NOT_FOUND: FrameError = { code: "not_found", message: new Problems.MessageNotFound().message }
const QUOTE_NOT_FOUND: FrameError = { code: "not_found", message: new Problems.QuoteNotFound().message }
const rateLimited = ({ retryAfterMs }: RateLimited): FrameError => ({
  code: "rate_limited",
  message: new Problems.TooManyRequests({ retry_after_ms: retryAfterMs }).message,
  retry_after_ms: retryAfterMs
})

/** After how long a client repeats a frame that was answered `unavailable`. */
const RETRY_AFTER_MS = 1000

/** Why a send was refused. */
export const sendError = (error: SendError | Forbidden | RateLimited | Unavailable): FrameError => {
  switch (error._tag) {
    // The sender has a socket, so the missing user is not the sender.
    case "SenderNotFound":
    case "ReceiverNotFound":
      return RECEIVER_NOT_FOUND
    case "ConversationNotFound":
      return CONVERSATION_NOT_FOUND
    case "NotMember":
      return NOT_MEMBER
    case "QuoteNotFound":
      return QUOTE_NOT_FOUND
    case "ClientIdConflict":
      return CONFLICT
    case "Blocked":
      return BLOCKED
    case "Suspended":
      return SUSPENDED
    case "Forbidden":
      return forbidden(error)
    case "RateLimited":
      return rateLimited(error)
    case "Unavailable":
      return {
        code: "unavailable",
        message: `${error.message}, send again with the same client_id`,
        retry_after_ms: RETRY_AFTER_MS
      }
  }
}

/** Why a `read`, `typing` or `watch` was refused. */
export const actionError = (
  error: Denied | MessageNotFound | Forbidden | Suspended | RateLimited
): FrameError => {
  switch (error._tag) {
    case "ConversationNotFound":
      return CONVERSATION_NOT_FOUND
    case "MessageNotFound":
      return MESSAGE_NOT_FOUND
    case "NotMember":
      return NOT_MEMBER
    case "Suspended":
      return SUSPENDED
    case "Forbidden":
      return forbidden(error)
    case "RateLimited":
      return rateLimited(error)
    case "Unavailable":
      return {
        code: "unavailable",
        message: `${error.message}, try again`,
        retry_after_ms: RETRY_AFTER_MS
      }
  }
}

/** Why a new token was not taken. */
export const renewalError = (error: InvalidToken | Forbidden | Suspended | Unavailable): FrameError => {
  switch (error._tag) {
    case "InvalidToken":
      return { code: "forbidden", message: error.message }
    case "Suspended":
      return SUSPENDED
    case "Forbidden":
      return forbidden(error)
    case "Unavailable":
      return { code: "unavailable", message: error.message, retry_after_ms: RETRY_AFTER_MS }
  }
}

/** The frame that refuses a frame of the client. `clientId` is that of the refused frame, if it has one. */
export const errorFrame = (error: FrameError, clientId?: string | null): string =>
  serverFrame({ type: "error", ...error, ...(clientId == null ? {} : { client_id: clientId }) })
