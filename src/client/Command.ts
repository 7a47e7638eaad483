import { Schema } from "effect"
import { ConversationId } from "../domain/ConversationId.ts"
import { Message, MessageId } from "../domain/Message.ts"
import { Metadata } from "../domain/Metadata.ts"
import { UserId } from "../domain/User.ts"

const about = { conversation_id: ConversationId, message_id: MessageId }

/** What a user asked for, for the server to carry out. */
export const Command = Schema.Union([
  Schema.Struct({
    type: Schema.Literal("send"),
    /** One of the two. */
    receiver_id: Schema.optionalKey(UserId),
    conversation_id: Schema.optionalKey(ConversationId),
    content: Schema.String,
    reply_to_id: Schema.optionalKey(MessageId),
    metadata: Schema.optionalKey(Metadata)
  }),
  Schema.Struct({
    type: Schema.Literal("edit"),
    ...about,
    content: Schema.String,
    version: Schema.optionalKey(Schema.Int),
    metadata: Schema.optionalKey(Schema.NullOr(Metadata))
  }),
  Schema.Struct({ type: Schema.Literal("delete"), ...about }),
  Schema.Struct({ type: Schema.Literal("react"), ...about, emoji: Schema.String, added: Schema.Boolean }),
  Schema.Struct({ type: Schema.Literal("read"), ...about })
])
export type Command = typeof Command.Type

/** Why the server refused a command. */
export const Failure = Schema.Struct({
  /** A stable word, such as `forbidden`, `not-member` or `version-conflict`. */
  code: Schema.String,
  /** A sentence for a person. */
  message: Schema.String
})
export type Failure = typeof Failure.Type

export const OutboxEntry = Schema.Struct({
  /** The idempotency key of a send, and the name of any other command. */
  client_id: Schema.String,
  /** When it was asked for, in milliseconds since 1970. */
  created_at: Schema.Finite,
  /** Where it stands in its outbox: by this text. */
  place: Schema.String,
  /** Commands of one lane are carried out one after the other, in order; those of different lanes wait for nothing. */
  lane: Schema.String,
  command: Command,
  /** `sent`: a message that is acknowledged, and has not come back as an event. It is in no storage any more. */
  state: Schema.Literals(["queued", "sending", "sent", "failed"]),
  failure: Schema.optionalKey(Failure),
  /** What the server made of it, once it is `sent`. */
  message: Schema.optionalKey(Message)
})
export type OutboxEntry = typeof OutboxEntry.Type
