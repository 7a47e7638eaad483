import type { InvalidToken, RateLimited } from "../domain/Caller.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import * as Problems from "./Problems.ts"

/** The problem that tells the caller of a domain error. Those without details of their own have their default sentence. */

export const usernameTaken = () => new Problems.UsernameTaken()

export const userNotFound = () => new Problems.UserNotFound()

export const senderNotFound = () => new Problems.SenderNotFound()

export const receiverNotFound = () => new Problems.ReceiverNotFound()

export const clientIdConflict = () => new Problems.ClientIdConflict()

export const forbidden = () => new Problems.Forbidden()

export const unauthorized = ({ message }: InvalidToken) => new Problems.Unauthorized({ detail: message })

export const tooManyRequests = ({ retryAfterMs }: RateLimited) =>
  new Problems.TooManyRequests({ retry_after_ms: retryAfterMs })

/** For a call, which may be repeated. */
export const serviceUnavailable = ({ message }: Unavailable) =>
  new Problems.ServiceUnavailable({ detail: `${message}; nothing was lost, try again` })

/** For a handshake, which the client begins anew. */
export const socketUnavailable = ({ message }: Unavailable) =>
  new Problems.ServiceUnavailable({ detail: `${message}, connect again` })
