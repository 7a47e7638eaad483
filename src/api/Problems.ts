import { Effect, Schema } from "effect"
import { HttpApiError } from "effect/http-api"
import { TOKEN_NEEDED } from "../domain/Caller.ts"
import { CloseCode } from "./CloseCode.ts"

/**
 * Every error of the REST contract, as an RFC 9457 problem (`application/problem+json`). `detail` is the
 * sentence for the person who meets it; `type` distinguishes the problems of one status.
 */

/** The default `detail` of a problem. */
const detail = (sentence: string) => ({
  detail: Schema.optionalKey(Schema.String).pipe(
    Schema.catchDecoding(() => Effect.succeedNone),
    Schema.withConstructorDefault(Effect.succeed(sentence))
  )
})

export class ValidationFailed extends HttpApiError.Problem<ValidationFailed>()(
  "ValidationFailed",
  { type: "urn:minichat:problem:validation-failed", status: 422, title: "Unprocessable Content" },
  {
    errors: Schema.Array(
      Schema.Struct({
        path: Schema.Array(Schema.String).annotate({
          description: "`params`, `query` or `payload`, then the names that lead to the field"
        }),
        message: Schema.String
      })
    ).annotate({ description: "Every bad field, and what is wrong with it" })
  }
) {
  /** For bad fields of a request: `detail` names each without the part of the request that it stands in. */
  static readonly of = (errors: ValidationFailed["errors"]) =>
    new ValidationFailed({
      detail: errors
        .map(({ path, message }) => `${path.slice(1).join(".") || path[0]}: ${message}`)
        .join("; "),
      errors
    })
}

export class UsernameTaken extends HttpApiError.Problem<UsernameTaken>()(
  "UsernameTaken",
  { type: "urn:minichat:problem:username-taken", status: 400, title: "Bad Request" },
  detail("Username already registered")
) {}

export class UsernameFixed extends HttpApiError.Problem<UsernameFixed>()(
  "UsernameFixed",
  { type: "urn:minichat:problem:username-fixed", status: 409, title: "Conflict" },
  { username: Schema.String.annotate({ description: "The username of the user" }) }
) {
  static readonly of = (username: string) =>
    new UsernameFixed({
      detail: `The user is there already, as ${username}. A username never changes: leave it out, or give display_name`,
      username
    })
}

export class UserNotFound extends HttpApiError.Problem<UserNotFound>()(
  "UserNotFound",
  { type: "urn:minichat:problem:user-not-found", status: 404, title: "Not Found" },
  detail(CloseCode.userNotFound.reason)
) {}

export class SenderNotFound extends HttpApiError.Problem<SenderNotFound>()(
  "SenderNotFound",
  { type: "urn:minichat:problem:sender-not-found", status: 404, title: "Not Found" },
  detail("Sender not found")
) {}

export class ReceiverNotFound extends HttpApiError.Problem<ReceiverNotFound>()(
  "ReceiverNotFound",
  { type: "urn:minichat:problem:receiver-not-found", status: 404, title: "Not Found" },
  detail("Receiver not found")
) {}

export class ClientIdConflict extends HttpApiError.Problem<ClientIdConflict>()(
  "ClientIdConflict",
  { type: "urn:minichat:problem:client-id-conflict", status: 409, title: "Conflict" },
  detail("This client_id was used for another message")
) {}

export class ConversationNotFound extends HttpApiError.Problem<ConversationNotFound>()(
  "ConversationNotFound",
  { type: "urn:minichat:problem:conversation-not-found", status: 404, title: "Not Found" },
  detail("Conversation not found")
) {}

export class MessageNotFound extends HttpApiError.Problem<MessageNotFound>()(
  "MessageNotFound",
  { type: "urn:minichat:problem:message-not-found", status: 404, title: "Not Found" },
  detail("Message not found")
) {}

export class QuoteNotFound extends HttpApiError.Problem<QuoteNotFound>()(
  "QuoteNotFound",
  { type: "urn:minichat:problem:quote-not-found", status: 404, title: "Not Found" },
  detail(
    "The message of reply_to_id is deleted, not in this conversation, or one that not all members may read"
  )
) {}

export class MembersNotFound extends HttpApiError.Problem<MembersNotFound>()(
  "MembersNotFound",
  { type: "urn:minichat:problem:members-not-found", status: 404, title: "Not Found" },
  {
    user_ids: Schema.Array(Schema.Finite).annotate({ description: "The ids that no user has" })
  }
) {
  static readonly of = (userIds: ReadonlyArray<number>) =>
    new MembersNotFound({ detail: `No users have these ids: ${userIds.join(", ")}`, user_ids: userIds })
}

export class NotMember extends HttpApiError.Problem<NotMember>()(
  "NotMember",
  { type: "urn:minichat:problem:not-member", status: 403, title: "Forbidden" },
  detail("The user is not a member of this conversation")
) {}

export class NotAuthor extends HttpApiError.Problem<NotAuthor>()(
  "NotAuthor",
  { type: "urn:minichat:problem:not-author", status: 403, title: "Forbidden" },
  detail("Only its author may edit a message")
) {}

export class RoleForbids extends HttpApiError.Problem<RoleForbids>()(
  "RoleForbids",
  { type: "urn:minichat:problem:role-forbids", status: 403, title: "Forbidden" },
  detail("The role of the user in this group does not allow this")
) {}

export class NotAGroup extends HttpApiError.Problem<NotAGroup>()(
  "NotAGroup",
  { type: "urn:minichat:problem:not-a-group", status: 409, title: "Conflict" },
  detail("A direct conversation has two members for ever, and no title")
) {}

export class MessageDeleted extends HttpApiError.Problem<MessageDeleted>()(
  "MessageDeleted",
  { type: "urn:minichat:problem:message-deleted", status: 409, title: "Conflict" },
  detail("The message is deleted")
) {}

/** Answered with the version to edit next. */
export class VersionConflict extends HttpApiError.Problem<VersionConflict>()(
  "VersionConflict",
  { type: "urn:minichat:problem:version-conflict", status: 409, title: "Conflict" },
  {
    ...detail("The message was edited meanwhile: read it again"),
    version: Schema.Int.annotate({ description: "The version of the message now" })
  }
) {}

export class TooManyReactions extends HttpApiError.Problem<TooManyReactions>()(
  "TooManyReactions",
  { type: "urn:minichat:problem:too-many-reactions", status: 409, title: "Conflict" },
  detail("The message has reactions of 20 kinds, and can have no more")
) {}

export class GroupFull extends HttpApiError.Problem<GroupFull>()(
  "GroupFull",
  { type: "urn:minichat:problem:group-full", status: 409, title: "Conflict" },
  { maximum: Schema.Int.annotate({ description: "How many members a group may have" }) }
) {
  static readonly of = (maximum: number) =>
    new GroupFull({ detail: `A group has at most ${maximum} members (MAX_GROUP_MEMBERS)`, maximum })
}

export class Unauthorized extends HttpApiError.Problem<Unauthorized>()(
  "Unauthorized",
  { type: "urn:minichat:problem:unauthorized", status: 401, title: "Unauthorized" },
  detail(TOKEN_NEEDED)
) {}

export class Forbidden extends HttpApiError.Problem<Forbidden>()(
  "Forbidden",
  { type: "urn:minichat:problem:forbidden", status: 403, title: "Forbidden" },
  detail("The token does not allow this for that user")
) {}

export class UserSuspended extends HttpApiError.Problem<UserSuspended>()(
  "UserSuspended",
  { type: "urn:minichat:problem:user-suspended", status: 403, title: "Forbidden" },
  detail("The user is suspended: it may read, and do nothing else")
) {}

export class Blocked extends HttpApiError.Problem<Blocked>()(
  "Blocked",
  { type: "urn:minichat:problem:blocked", status: 403, title: "Forbidden" },
  detail("The other user takes no messages from this user")
) {}

/** Answered with `Retry-After`, in whole seconds. */
export class TooManyRequests extends HttpApiError.Problem<TooManyRequests>()(
  "TooManyRequests",
  { type: "urn:minichat:problem:too-many-requests", status: 429, title: "Too Many Requests" },
  {
    ...detail("Too many requests, try again later"),
    retry_after_ms: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
  }
) {}

/** A dependency is unavailable, or the server restarts. Nothing was acknowledged; answered with `Retry-After`. */
export class ServiceUnavailable extends HttpApiError.Problem<ServiceUnavailable>()("ServiceUnavailable", {
  type: "urn:minichat:problem:service-unavailable",
  status: 503,
  title: "Service Unavailable"
}) {}

export class NotFound extends HttpApiError.Problem<NotFound>()("NotFound", {
  type: "urn:minichat:problem:not-found",
  status: 404,
  title: "Not Found"
}) {}

/** Answered with `Allow`. */
export class MethodNotAllowed extends HttpApiError.Problem<MethodNotAllowed>()("MethodNotAllowed", {
  type: "urn:minichat:problem:method-not-allowed",
  status: 405,
  title: "Method Not Allowed"
}) {}

export class ContentTooLarge extends HttpApiError.Problem<ContentTooLarge>()("ContentTooLarge", {
  type: "urn:minichat:problem:content-too-large",
  status: 413,
  title: "Content Too Large"
}) {
  /** For a body of more than `limit` bytes. */
  static readonly beyond = (limit: number) =>
    new ContentTooLarge({ detail: `The body is larger than ${limit} bytes` })
}

export class UnsupportedMediaType extends HttpApiError.Problem<UnsupportedMediaType>()(
  "UnsupportedMediaType",
  {
    type: "urn:minichat:problem:unsupported-media-type",
    status: 415,
    title: "Unsupported Media Type"
  },
  detail("The body must be JSON, with content-type application/json")
) {}

export class UpgradeRequired extends HttpApiError.Problem<UpgradeRequired>()(
  "UpgradeRequired",
  { type: "urn:minichat:problem:upgrade-required", status: 426, title: "Upgrade Required" },
  detail("This is a WebSocket: connect with a WebSocket client")
) {}

/** A fault of the server. The log has the cause, under the request id that the problem names. */
export class InternalServerError extends HttpApiError.Problem<InternalServerError>()(
  "InternalServerError",
  { type: "urn:minichat:problem:internal-server-error", status: 500, title: "Internal Server Error" },
  {
    ...detail("The server failed at this. The log has the cause, under the request id"),
    request_id: Schema.String
  }
) {}

/** The `Host` header names no host of this server. */
export class MisdirectedRequest extends HttpApiError.Problem<MisdirectedRequest>()(
  "MisdirectedRequest",
  { type: "urn:minichat:problem:misdirected-request", status: 421, title: "Misdirected Request" },
  detail(
    "With AUTH=open on a loopback address, Host must be a name of this machine, such as localhost, or that of PUBLIC_URL"
  )
) {}
