import type { Forbidden, InvalidToken, RateLimited, TooManyPlaces } from "../domain/Caller.ts"
import type { GroupFull, MembersNotFound } from "../domain/ConversationErrors.ts"
import type { VersionConflict } from "../domain/Message.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import type { UsernameFixed, UsernameTaken } from "../domain/User.ts"
import * as Problems from "./Problems.ts"

/** The problem for each domain error. A problem without a `detail` of its own has its default sentence. */

export const usernameTaken = ({ isAlike }: UsernameTaken) =>
  new Problems.UsernameTaken(isAlike ? { detail: "This username looks like a registered one" } : {})

export const usernameFixed = ({ username }: UsernameFixed) => Problems.UsernameFixed.of(username)

export const userNotFound = () => new Problems.UserNotFound()

export const senderNotFound = () => new Problems.SenderNotFound()

export const receiverNotFound = () => new Problems.ReceiverNotFound()

export const clientIdConflict = () => new Problems.ClientIdConflict()

/** For a group: its `client_id` is another one than those of messages. */
export const groupClientIdConflict = () =>
  new Problems.ClientIdConflict({ detail: "This client_id was used for another group" })

export const quoteNotFound = () => new Problems.QuoteNotFound()

export const conversationNotFound = () => new Problems.ConversationNotFound()

export const messageNotFound = () => new Problems.MessageNotFound()

export const membersNotFound = ({ userIds }: MembersNotFound) => Problems.MembersNotFound.of(userIds)

export const groupFull = ({ maximum }: GroupFull) => Problems.GroupFull.of(maximum)

export const notMember = () => new Problems.NotMember()

export const notAuthor = () => new Problems.NotAuthor()

export const roleForbids = () => new Problems.RoleForbids()

export const notAGroup = () => new Problems.NotAGroup()

export const messageDeleted = () => new Problems.MessageDeleted()

export const versionConflict = ({ version }: VersionConflict) => new Problems.VersionConflict({ version })

export const tooManyReactions = () => new Problems.TooManyReactions()

export const forbidden = ({ detail }: Forbidden) =>
  new Problems.Forbidden(detail === undefined ? {} : { detail })

export const userSuspended = () => new Problems.UserSuspended()

export const blocked = () => new Problems.Blocked()

export const unauthorized = ({ message }: InvalidToken) => new Problems.Unauthorized({ detail: message })

export const tooManyRequests = ({ retryAfterMs }: RateLimited) =>
  new Problems.TooManyRequests({ retry_after_ms: retryAfterMs })

/** For a REST call that may be repeated: when it was carried out, the repeat makes nothing twice. */
export const serviceUnavailable = ({ message }: Unavailable) =>
  new Problems.ServiceUnavailable({ detail: `${message}; it is safe to try again` })

/** For a REST call that makes a message or a group. A repeat without the `client_id` of the first call makes another one. */
export const creationUnavailable = (error: Unavailable) =>
  error.dependency === "upgrade"
    ? serviceUnavailable(error)
    : new Problems.ServiceUnavailable({
        detail:
          `${error.message}; the call may have been carried out. Repeat it with the same client_id. ` +
          "If it had none, look first whether it was"
      })

/** For a REST call that registers a username. A repeat of a call that was carried out is refused: the username is taken. */
export const registrationUnavailable = ({ message }: Unavailable) =>
  new Problems.ServiceUnavailable({
    detail: `${message}; the user may have been created. Look for the username before you try again`
  })

/** For a handshake, which the client may repeat. */
export const socketUnavailable = ({ message }: Unavailable) =>
  new Problems.ServiceUnavailable({ detail: `${message}, connect again` })

/** For a long poll without a place: the user has `MAX_SOCKETS_PER_USER`, or the node has `MAX_SOCKETS`. */
export const tooManyPlaces = ({ of }: TooManyPlaces) =>
  of === "user"
    ? new Problems.TooManyRequests({
        detail: "The user has too many sockets and polls open (MAX_SOCKETS_PER_USER), close some",
        retry_after_ms: 1000
      })
    : new Problems.ServiceUnavailable({
        detail: "This node has too many sockets and polls open (MAX_SOCKETS), try again"
      })
