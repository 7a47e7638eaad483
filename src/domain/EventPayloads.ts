import { Schema } from "effect"
import { Conversation, Member } from "./Conversation.ts"
import { ConversationId } from "./ConversationId.ts"
import { MessageId } from "./Message.ts"
import { User, UserId } from "./User.ts"

const memberChange = { conversation_id: ConversationId, by: UserId, member_count: Schema.Int }

/**
 * What the row of an event carries that is about no message, by the kind of the event. The frames of `api/EventFrames.ts` have the
 * same fields, so a payload goes into its frame as it is.
 */
export const EventPayloads = {
  reaction: Schema.Struct({
    message_id: MessageId,
    conversation_id: ConversationId,
    user_id: UserId,
    emoji: Schema.String,
    added: Schema.Boolean,
    count: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)).annotate({
      description: "How many users have reacted with this emoji now"
    })
  }),
  conversation_added: Schema.Struct({ conversation: Conversation }),
  conversation_updated: Schema.Struct({ conversation: Conversation }),
  conversation_removed: Schema.Struct({ conversation_id: ConversationId, by: UserId }),
  member_added: Schema.Struct({ ...memberChange, member: Member }),
  member_updated: Schema.Struct({ ...memberChange, member: Member }),
  member_removed: Schema.Struct({ ...memberChange, user_id: UserId }),
  read: Schema.Struct({ conversation_id: ConversationId, user_id: UserId, message_id: MessageId }),
  block: Schema.Struct({
    blocked_id: UserId,
    blocked: Schema.Boolean.annotate({ description: "False when the block was taken back" })
  }),
  user_updated: Schema.Struct({ user: User })
} as const

export type PayloadKind = keyof typeof EventPayloads

export type EventPayload<Kind extends PayloadKind> = (typeof EventPayloads)[Kind]["Type"]
