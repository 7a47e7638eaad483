import { Schema } from "effect"
import { ConversationId } from "../domain/ConversationId.ts"
import { Seq } from "../domain/Event.ts"
import { EventPayloads } from "../domain/EventPayloads.ts"
import { Message, MessageId } from "../domain/Message.ts"
import { Timestamp } from "../domain/Text.ts"
import { UserId } from "../domain/User.ts"

// The frames of inbox events, which sockets, event pages and long polls carry. Each has the number of its event.

export const MessageFrame = Schema.Struct({
  type: Schema.Literal("message"),
  seq: Seq,
  ...Message.fields
}).annotate({ identifier: "MessageEvent", description: "A message that the user received" })

export const MessageSentFrame = Schema.Struct({
  type: Schema.Literal("message_sent"),
  seq: Seq,
  ...Message.fields,
  client_id: Schema.optionalKey(Schema.String)
}).annotate({
  identifier: "MessageSentEvent",
  description: "A message that the user sent, for the user's other devices"
})

export const OmittedFrame = Schema.Struct({ type: Schema.Literal("omitted"), seq: Seq }).annotate({
  identifier: "OmittedEvent",
  description:
    "An event that this server could not build, for example one of a newer release during an upgrade. It keeps the numbers without gap; a client that keeps state loads it anew"
})

export const MessageUpdatedFrame = Schema.Struct({
  type: Schema.Literal("message_updated"),
  seq: Seq,
  ...Message.fields
}).annotate({
  identifier: "MessageUpdatedEvent",
  description: "A message was edited: the message as it is now"
})

export const MessageDeletedFrame = Schema.Struct({
  type: Schema.Literal("message_deleted"),
  seq: Seq,
  message_id: MessageId,
  conversation_id: ConversationId,
  sender_id: UserId,
  deleted_at: Timestamp,
  sender_username: Schema.optionalKey(Schema.String).annotate({
    description: "The name of the sender from now on, when the sender is erased"
  })
}).annotate({ identifier: "MessageDeletedEvent", description: "A message was deleted" })

export const ReactionFrame = Schema.Struct({
  type: Schema.Literal("reaction"),
  seq: Seq,
  ...EventPayloads.reaction.fields
}).annotate({
  identifier: "ReactionEvent",
  description: "A user reacted to a message, or took the reaction back"
})

export const ConversationAddedFrame = Schema.Struct({
  type: Schema.Literal("conversation_added"),
  seq: Seq,
  ...EventPayloads.conversation_added.fields
}).annotate({
  identifier: "ConversationAddedEvent",
  description:
    "The user is now a member of a conversation. A message that makes a conversation has no such event"
})

export const ConversationUpdatedFrame = Schema.Struct({
  type: Schema.Literal("conversation_updated"),
  seq: Seq,
  ...EventPayloads.conversation_updated.fields
}).annotate({
  identifier: "ConversationUpdatedEvent",
  description:
    "Title or metadata of a group changed, or the user in `with` was erased. What only this user sees, as the own role, is left out"
})

export const ConversationRemovedFrame = Schema.Struct({
  type: Schema.Literal("conversation_removed"),
  seq: Seq,
  ...EventPayloads.conversation_removed.fields
}).annotate({ identifier: "ConversationRemovedEvent", description: "The user left a group, or was removed" })

export const MemberAddedFrame = Schema.Struct({
  type: Schema.Literal("member_added"),
  seq: Seq,
  ...EventPayloads.member_added.fields
}).annotate({ identifier: "MemberAddedEvent", description: "A user became a member of a group" })

export const MemberUpdatedFrame = Schema.Struct({
  type: Schema.Literal("member_updated"),
  seq: Seq,
  ...EventPayloads.member_updated.fields
}).annotate({ identifier: "MemberUpdatedEvent", description: "A member of a group has another role" })

export const MemberRemovedFrame = Schema.Struct({
  type: Schema.Literal("member_removed"),
  seq: Seq,
  ...EventPayloads.member_removed.fields
}).annotate({ identifier: "MemberRemovedEvent", description: "A user left a group, or was removed" })

export const ReadEventFrame = Schema.Struct({
  type: Schema.Literal("read"),
  seq: Schema.optionalKey(Seq),
  ...EventPayloads.read.fields
}).annotate({
  identifier: "ReadEvent",
  description:
    "A user has read a conversation up to a message. An event, with a `seq`, for the user's own devices and for the other user of a direct conversation; the other members of a group get a frame without `seq`"
})

export const BlockFrame = Schema.Struct({
  type: Schema.Literal("block"),
  seq: Seq,
  ...EventPayloads.block.fields
}).annotate({
  identifier: "BlockEvent",
  description: "The user has blocked another one, or taken that back. Only the user's own devices get it"
})

export const UserUpdatedFrame = Schema.Struct({
  type: Schema.Literal("user_updated"),
  seq: Seq,
  ...EventPayloads.user_updated.fields
}).annotate({
  identifier: "UserUpdatedEvent",
  description:
    "The profile of a user changed: of the user itself, or of one who shares a conversation with it. The user as it is now; for others than the user itself without its metadata"
})

/** What an inbox holds. */
export const ServerEvent = Schema.Union([
  MessageFrame,
  MessageSentFrame,
  MessageUpdatedFrame,
  MessageDeletedFrame,
  ReactionFrame,
  ConversationAddedFrame,
  ConversationUpdatedFrame,
  ConversationRemovedFrame,
  MemberAddedFrame,
  MemberUpdatedFrame,
  MemberRemovedFrame,
  ReadEventFrame,
  BlockFrame,
  UserUpdatedFrame,
  OmittedFrame
])
export type ServerEvent = typeof ServerEvent.Type
