import { Schema, SchemaTransformation } from "effect"
import { Text, Timestamp } from "./Text.ts"
import { UserId } from "./User.ts"

/** The id of a message. Ids ascend in the order in which the messages stand in every inbox. */
export const MessageId = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))
  .annotate({ description: "The id of a message", format: "int64", examples: [1] })
  .pipe(Schema.brand("MessageId"))
export type MessageId = typeof MessageId.Type

const CONTENT_LENGTH = 1000

const contentDocs = {
  description: `1 to ${CONTENT_LENGTH} characters; white space around it is dropped`,
  examples: ["Hello!"],
  toJsonSchema: () => [{ minLength: 1, maxLength: CONTENT_LENGTH }, true] as const
}

/** White space around the content is dropped; what is left has 1 to 1000 characters (code points). */
export const Content = Text.annotate(contentDocs).pipe(
  Schema.decodeTo(
    Schema.String.check(
      Schema.isBetweenCodePoints(1, CONTENT_LENGTH, {
        message: `must have 1 to ${CONTENT_LENGTH} characters, white space around it aside`
      })
    ),
    SchemaTransformation.trim()
  ),
  Schema.annotate(contentDocs)
)

/** The sender's own name for a send, unique among that sender's sends: a repeat is answered, not sent again. */
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
  .annotate({ description: "A message to send. Sender and receiver are two users" })
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
