import { Schema, SchemaTransformation } from "effect"
import { Text, Timestamp } from "./Text.ts"
import { UserId } from "./User.ts"

/** The id of a message. In each inbox, of the sender and of the receiver, a later message has a larger id. */
export const MessageId = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))
  .annotate({ description: "The id of a message", format: "int64", examples: [1] })
  .pipe(Schema.brand("MessageId"))
export type MessageId = typeof MessageId.Type

/** The most characters (code points) of a message. */
const MAX_CONTENT_LENGTH = 1000

const contentDocs = {
  description: `1 to ${MAX_CONTENT_LENGTH} characters; white space around it is dropped`,
  examples: ["Hello!"],
  // `true`: this replaces what the checks would say. JSON Schema cannot say that white space is trimmed first.
  toJsonSchema: () => [{ minLength: 1, maxLength: MAX_CONTENT_LENGTH }, true] as const
}

/** The content of a message: trimmed, and then 1 to 1000 code points. */
export const Content = Text.annotate(contentDocs).pipe(
  Schema.decodeTo(
    Schema.String.check(
      Schema.isBetweenCodePoints(1, MAX_CONTENT_LENGTH, {
        message: `must have 1 to ${MAX_CONTENT_LENGTH} characters, white space around it aside`
      })
    ),
    SchemaTransformation.trim()
  ),
  Schema.annotate(contentDocs)
)

/**
 * The idempotency key of a send, unique among the sender's sends. A repeated send is not sent again: it is answered with the
 * first message, however long ago that was.
 */
export const ClientId = Text.check(
  Schema.isBetweenCodePoints(1, 200, { message: "must have 1 to 200 characters" }),
  Schema.isPattern(/^\P{Cc}*$/u, { message: "must not have control characters" })
).annotate({
  description:
    "The sender's own id for this send, 1 to 200 characters. A send repeated with the same id is not sent twice",
  examples: ["c2f1a6e0-1"]
})

export const Message = Schema.Struct({
  id: MessageId,
  sender_id: UserId,
  sender_username: Schema.String.annotate({ examples: ["alice"] }),
  receiver_id: UserId,
  content: Schema.String.annotate({ examples: ["Hello!"] }),
  timestamp: Timestamp
}).annotate({ identifier: "Message", description: "A message from one user to another" })
export type Message = typeof Message.Type

export const Draft = Schema.Struct({
  sender_id: UserId,
  receiver_id: UserId,
  content: Content,
  client_id: Schema.optionalKey(Schema.NullOr(ClientId))
})
  .annotate({ description: "A message to send. Sender and receiver are two different users" })
  .check(
    Schema.makeFilter(({ sender_id, receiver_id }) =>
      sender_id === receiver_id ? { path: ["receiver_id"], issue: "must not be the sender" } : undefined
    )
  )
  .annotate({ identifier: "Draft" })
export type Draft = typeof Draft.Type

export class SenderNotFound extends Schema.TaggedError<SenderNotFound>()("SenderNotFound", {}) {}

export class ReceiverNotFound extends Schema.TaggedError<ReceiverNotFound>()("ReceiverNotFound", {}) {}

/** The `client_id` was used before by this sender, for another content or another receiver. */
export class ClientIdConflict extends Schema.TaggedError<ClientIdConflict>()("ClientIdConflict", {}) {}

export type SendError = SenderNotFound | ReceiverNotFound | ClientIdConflict
