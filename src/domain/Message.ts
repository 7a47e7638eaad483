import { Schema } from "effect"
import type { Suspended } from "./Caller.ts"
import type { ConversationNotFound, NotMember } from "./ConversationErrors.ts"
import { ConversationId } from "./ConversationId.ts"
import { Metadata } from "./Metadata.ts"
import { ReactionCount } from "./Reaction.ts"
import { Text, Timestamp, trimmedText } from "./Text.ts"
import { UserId } from "./User.ts"

/** The id of a message. In each inbox, of the sender and of the receiver, a later message has a larger id. */
export const MessageId = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))
  .annotate({ description: "The id of a message", format: "int64", examples: [1] })
  .pipe(Schema.brand("MessageId"))
export type MessageId = typeof MessageId.Type

/** The most characters (code points) of a message. */
export const MAX_CONTENT_LENGTH = 1000

/** The content of a message: trimmed, and then 1 to 1000 code points. */
export const Content = trimmedText(MAX_CONTENT_LENGTH, "Hello!")

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

/** The most characters of a quoted message that a reply shows. */
export const QUOTE_LENGTH = 200

/** What a reply quotes, as it is now: its content is empty when it was deleted. */
export const Quote = Schema.Struct({
  id: MessageId,
  sender_id: UserId,
  content: Schema.String.annotate({ description: `The first ${QUOTE_LENGTH} characters` })
}).annotate({ identifier: "Quote", description: "The message that a reply quotes" })
export type Quote = typeof Quote.Type

const Version = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)).annotate({
  description: "1 as it was sent; each edit makes it one more"
})

export const Message = Schema.Struct({
  id: MessageId,
  sender_id: UserId,
  sender_username: Schema.String.annotate({ examples: ["alice"] }),
  receiver_id: Schema.optionalKey(UserId).annotate({ description: "Absent in a group" }),
  content: Schema.String.annotate({ examples: ["Hello!"] }),
  timestamp: Timestamp,
  conversation_id: Schema.optionalKey(ConversationId),
  reply_to: Schema.optionalKey(Quote),
  metadata: Schema.optionalKey(Metadata),
  version: Schema.optionalKey(Version),
  edited_at: Schema.optionalKey(Timestamp),
  deleted_at: Schema.optionalKey(Timestamp).annotate({
    description: "The content of a deleted message is empty"
  }),
  reactions: Schema.optionalKey(
    Schema.Array(ReactionCount).annotate({
      description: "The most frequent ones first, then by the code points of the emoji"
    })
  ),
  withheld: Schema.optionalKey(Schema.Literal(true)).annotate({
    description: "The content changed since the user left the conversation, and is not shown"
  })
}).annotate({ identifier: "Message", description: "A message of a user to another, or to a group" })
export type Message = typeof Message.Type

/** What a message may have beside its content. */
const extras = {
  client_id: Schema.optionalKey(Schema.NullOr(ClientId)),
  reply_to_id: Schema.optionalKey(Schema.NullOr(MessageId)).annotate({
    description: "The message that this one quotes, of the same conversation, one that all members may read"
  }),
  metadata: Schema.optionalKey(Schema.NullOr(Metadata))
}

/** What is wrong with a message that names no addressee. */
export const ADDRESSEE_NEEDED = "must be given, or conversation_id in its place"

const ONE_ADDRESSEE = "must not be given together with conversation_id"

/** To whom a message goes: a user, or a conversation. */
export const addressee = Schema.makeFilter(
  ({
    receiver_id,
    conversation_id
  }: {
    readonly receiver_id?: UserId | null
    readonly conversation_id?: ConversationId | null
  }) => {
    if ((receiver_id == null) !== (conversation_id == null)) return undefined
    return { path: ["receiver_id"], issue: receiver_id == null ? ADDRESSEE_NEEDED : ONE_ADDRESSEE }
  }
)

/** The fields of a message to send, beside who sends it. */
export const messageFields = {
  receiver_id: Schema.optionalKey(Schema.NullOr(UserId)),
  conversation_id: Schema.optionalKey(Schema.NullOr(ConversationId)).annotate({
    description: "In place of `receiver_id`: a conversation of the sender's"
  }),
  content: Content,
  ...extras
}

export const NewMessage = Schema.Struct({
  sender_id: Schema.optionalKey(UserId).annotate({
    description: "Who sends; the token's own user when it is left out"
  }),
  ...messageFields
})
  .annotate({ description: "A message to send, to another user or to a conversation" })
  .check(
    addressee,
    Schema.makeFilter(({ sender_id, receiver_id }) =>
      sender_id !== undefined && sender_id === receiver_id
        ? { path: ["receiver_id"], issue: "must not be the sender" }
        : undefined
    )
  )
  .annotate({ identifier: "Draft" })
export type NewMessage = typeof NewMessage.Type

/** What every message to send has. */
interface DraftBase {
  readonly sender_id: UserId
  readonly content: string
  readonly client_id?: string | null
  readonly reply_to_id?: MessageId | null
  readonly metadata?: Metadata | null
}

/** A message to send to another user. */
export interface Draft extends DraftBase {
  readonly receiver_id: UserId
}

/** A message to send to a group. */
export interface GroupDraft extends DraftBase {
  readonly conversation_id: ConversationId
}

/** A message to send, to a user or to a group. */
export type AnyDraft = Draft | GroupDraft

export class SenderNotFound extends Schema.TaggedError<SenderNotFound>()("SenderNotFound", {}) {}

export class ReceiverNotFound extends Schema.TaggedError<ReceiverNotFound>()("ReceiverNotFound", {}) {}

/** The `client_id` was used before by this sender, for another content or another receiver. */
export class ClientIdConflict extends Schema.TaggedError<ClientIdConflict>()("ClientIdConflict", {}) {}

/** The message that a reply quotes is deleted, in another conversation, or one that not all receivers of the reply may read. */
export class QuoteNotFound extends Schema.TaggedError<QuoteNotFound>()("QuoteNotFound", {}) {}

/** There is no message with this id. */
export class MessageNotFound extends Schema.TaggedError<MessageNotFound>()("MessageNotFound", {}) {}

/** Only the author may edit a message. */
export class NotAuthor extends Schema.TaggedError<NotAuthor>()("NotAuthor", {}) {}

/** The message was deleted: it can be neither edited nor reacted to. */
export class MessageDeleted extends Schema.TaggedError<MessageDeleted>()("MessageDeleted", {}) {}

/** The message was edited since the version that the caller knows. */
export class VersionConflict extends Schema.TaggedError<VersionConflict>()("VersionConflict", {
  version: Schema.Finite
}) {}

/** The message has reactions of as many kinds as it may have. */
export class TooManyReactions extends Schema.TaggedError<TooManyReactions>()("TooManyReactions", {}) {}

/**
 * The other user of the direct conversation has blocked the user: sends, edits and reactions there are refused, and so is making that
 * conversation.
 */
export class Blocked extends Schema.TaggedError<Blocked>()("Blocked", {}) {}

export type SendError =
  | SenderNotFound
  | ReceiverNotFound
  | ClientIdConflict
  | QuoteNotFound
  | ConversationNotFound
  | NotMember
  | Blocked
  | Suspended
