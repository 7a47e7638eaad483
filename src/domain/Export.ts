import { Schema } from "effect"
import { Conversation } from "./Conversation.ts"
import { ConversationId } from "./ConversationId.ts"
import { Message, MessageId } from "./Message.ts"
import { Timestamp } from "./Text.ts"
import { User, UserId } from "./User.ts"

/** One line of the export of a user. A reader ignores types that it does not know. The last line is `end`: without it the export was cut off. */
export const ExportRecord = Schema.Union([
  Schema.Struct({
    type: Schema.Literal("profile"),
    user: User,
    last_seen: Schema.optionalKey(Timestamp).annotate({
      description:
        "When the last socket of the user closed; absent while one is open, and when that is not known"
    }),
    suspended_at: Schema.optionalKey(Timestamp).annotate({
      description: "Since when the user is suspended; absent when it is not"
    })
  }),
  Schema.Struct({
    type: Schema.Literal("conversation"),
    conversation: Conversation,
    joined_at: Timestamp,
    last_read_id: Schema.Int
  }),
  Schema.Struct({
    type: Schema.Literal("message"),
    message: Message,
    client_id: Schema.optionalKey(Schema.String)
  }),
  Schema.Struct({
    type: Schema.Literal("reaction"),
    message_id: MessageId,
    conversation_id: ConversationId,
    emoji: Schema.String,
    created_at: Timestamp
  }),
  Schema.Struct({ type: Schema.Literal("block"), user_id: UserId, created_at: Timestamp }),
  Schema.Struct({
    type: Schema.Literal("report"),
    id: Schema.Int,
    message_id: MessageId,
    reason: Schema.NullOr(Schema.String),
    created_at: Timestamp
  }),
  Schema.Struct({
    type: Schema.Literal("end"),
    records: Schema.Int.annotate({ description: "How many lines came before this one" })
  })
]).annotate({
  identifier: "ExportRecord",
  description: "One line of an export. The last one has the type `end`: without it the export is incomplete"
})
export type ExportRecord = typeof ExportRecord.Type
