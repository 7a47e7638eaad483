import { Schema } from "effect"
import { Conversation, Member } from "../domain/Conversation.ts"
import { ConversationId } from "../domain/ConversationId.ts"
import { EpochText, Seq } from "../domain/Event.ts"
import { addressee, Message, MessageId, messageFields } from "../domain/Message.ts"
import { Timestamp } from "../domain/Text.ts"
import { User, UserId } from "../domain/User.ts"

/**
 * The WebSocket protocol: text frames, each one JSON object with a `type`. A socket without subprotocol, or
 * with `minichat.v1`, gets `system`, `message`, `pong`, `ack` and `error`; one with `minichat.v2` gets every type.
 */
export const SUBPROTOCOLS = ["minichat.v2", "minichat.v1"] as const

export const Ping = Schema.Struct({ type: Schema.Literal("ping") }).annotate({
  identifier: "PingFrame",
  description: "Asks for a `pong`"
})

export const Send = Schema.Struct({
  type: Schema.Literal("send"),
  ...messageFields
})
  .check(addressee)
  .annotate({ identifier: "SendFrame", description: "Sends a message, answered with an `ack` or an `error`" })

export const Read = Schema.Struct({
  type: Schema.Literal("read"),
  conversation_id: ConversationId,
  message_id: MessageId
}).annotate({
  identifier: "ReadFrame",
  description: "Tells that the user has read a conversation up to a message. Answered only when it fails"
})

export const Typing = Schema.Struct({
  type: Schema.Literal("typing"),
  conversation_id: ConversationId,
  typing: Schema.Boolean
}).annotate({
  identifier: "TypingFrame",
  description:
    "Tells the others of a conversation that the user types. Repeat it at least every 6 s, at most once a second"
})

/** Whose presence one socket may watch, at most. */
export const MAX_WATCHED = 200

export const Watch = Schema.Struct({
  type: Schema.Literal("watch"),
  user_ids: Schema.Array(UserId).check(Schema.isMaxLength(MAX_WATCHED))
}).annotate({
  identifier: "WatchFrame",
  description: `Whose presence this socket is told from now on, at most ${MAX_WATCHED} users. Replaces the frame before it`
})

export const Auth = Schema.Struct({ type: Schema.Literal("auth"), token: Schema.String }).annotate({
  identifier: "AuthFrame",
  description: "Renews the token of the socket"
})

/** What a client may send. */
export const ClientFrame = Schema.Union([Ping, Send, Auth, Read, Typing, Watch]).annotate({
  identifier: "ClientFrame",
  description: "What a client may send on its socket: one JSON object in a text frame"
})
export type ClientFrame = typeof ClientFrame.Type

export const System = Schema.Struct({
  type: Schema.Literal("system"),
  message: Schema.String.annotate({ examples: ["Connected to chat as alice"] }),
  timestamp: Timestamp,
  user_id: UserId,
  cursor: Seq,
  epoch: EpochText.annotate({
    description: "The history of the database that `cursor` belongs to: to be given with `since`"
  }),
  recovered: Schema.optionalKey(Schema.Boolean)
}).annotate({ identifier: "SystemFrame", description: "The first frame of every socket" })

export const Pong = Schema.Struct({ type: Schema.Literal("pong"), timestamp: Timestamp }).annotate({
  identifier: "PongFrame",
  description: "Answers a `ping`"
})

export const Ack = Schema.Struct({
  type: Schema.Literal("ack"),
  client_id: Schema.optionalKey(Schema.String),
  message: Message
}).annotate({ identifier: "AckFrame", description: "A message of this socket is committed" })

const Milliseconds = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

export const ErrorCode = Schema.Literals([
  "bad_frame",
  "unknown_type",
  "invalid",
  "receiver_not_found",
  "not_found",
  "conflict",
  "forbidden",
  "rate_limited",
  "unavailable"
])
export type ErrorCode = typeof ErrorCode.Type

export const ErrorFrame = Schema.Struct({
  type: Schema.Literal("error"),
  code: ErrorCode,
  message: Schema.String,
  client_id: Schema.optionalKey(Schema.String),
  retry_after_ms: Schema.optionalKey(Milliseconds)
}).annotate({
  identifier: "ErrorFrame",
  description: "What a frame asked for was not done; the socket stays open"
})
export type ErrorFrame = typeof ErrorFrame.Type

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
    "An event that this server could not build, for example one of a newer release during an upgrade. Its number is told, so that none is missing; a client that keeps state loads it anew"
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
  deleted_at: Timestamp
}).annotate({ identifier: "MessageDeletedEvent", description: "A message was deleted" })

export const ReactionFrame = Schema.Struct({
  type: Schema.Literal("reaction"),
  seq: Seq,
  message_id: MessageId,
  conversation_id: ConversationId,
  user_id: UserId,
  emoji: Schema.String,
  added: Schema.Boolean,
  count: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)).annotate({
    description: "How many users have reacted with this emoji now"
  })
}).annotate({
  identifier: "ReactionEvent",
  description: "A user reacted to a message, or took the reaction back"
})

export const ConversationAddedFrame = Schema.Struct({
  type: Schema.Literal("conversation_added"),
  seq: Seq,
  conversation: Conversation
}).annotate({
  identifier: "ConversationAddedEvent",
  description: "The user is now a member of a conversation"
})

export const ConversationUpdatedFrame = Schema.Struct({
  type: Schema.Literal("conversation_updated"),
  seq: Seq,
  conversation: Conversation
}).annotate({
  identifier: "ConversationUpdatedEvent",
  description: "Title or metadata of a group changed. What only this user sees, as the own role, is left out"
})

export const ConversationRemovedFrame = Schema.Struct({
  type: Schema.Literal("conversation_removed"),
  seq: Seq,
  conversation_id: ConversationId,
  by: UserId
}).annotate({ identifier: "ConversationRemovedEvent", description: "The user left a group, or was removed" })

const memberChange = { conversation_id: ConversationId, by: UserId, member_count: Schema.Int }

export const MemberAddedFrame = Schema.Struct({
  type: Schema.Literal("member_added"),
  seq: Seq,
  ...memberChange,
  member: Member
}).annotate({ identifier: "MemberAddedEvent", description: "A user became a member of a group" })

export const MemberUpdatedFrame = Schema.Struct({
  type: Schema.Literal("member_updated"),
  seq: Seq,
  ...memberChange,
  member: Member
}).annotate({ identifier: "MemberUpdatedEvent", description: "A member of a group has another role" })

export const MemberRemovedFrame = Schema.Struct({
  type: Schema.Literal("member_removed"),
  seq: Seq,
  ...memberChange,
  user_id: UserId
}).annotate({ identifier: "MemberRemovedEvent", description: "A user left a group, or was removed" })

export const ReadEventFrame = Schema.Struct({
  type: Schema.Literal("read"),
  seq: Schema.optionalKey(Seq),
  conversation_id: ConversationId,
  user_id: UserId,
  message_id: MessageId
}).annotate({
  identifier: "ReadEvent",
  description:
    "A user has read a conversation up to a message. An event, with a `seq`, for the user's own devices and for the other user of a direct conversation; the other members of a group are told in passing, without a `seq`"
})

export const BlockFrame = Schema.Struct({
  type: Schema.Literal("block"),
  seq: Seq,
  blocked_id: UserId,
  blocked: Schema.Boolean.annotate({ description: "False when the block was taken back" })
}).annotate({
  identifier: "BlockEvent",
  description: "The user has blocked another one, or taken that back. Only the user's own devices are told"
})

export const UserUpdatedFrame = Schema.Struct({
  type: Schema.Literal("user_updated"),
  seq: Seq,
  user: User
}).annotate({
  identifier: "UserUpdatedEvent",
  description:
    "The profile of a user changed: of the user itself, or of one who shares a conversation with it. The user as it is now"
})

export const TypingEventFrame = Schema.Struct({
  type: Schema.Literal("typing"),
  conversation_id: ConversationId,
  user_id: UserId,
  typing: Schema.Boolean
}).annotate({
  identifier: "TypingNotice",
  description:
    "A user types, for at most 6 s after the last such frame. Told in passing: not kept, not repeated"
})

export const PresenceFrame = Schema.Struct({
  type: Schema.Literal("presence"),
  user_id: UserId,
  online: Schema.Boolean,
  last_seen: Schema.NullOr(Timestamp)
}).annotate({
  identifier: "PresenceNotice",
  description:
    "A watched user came online or went offline, the latter told 3 s late. Also told for each user when a `watch` begins"
})

/** What is told in passing: it has no number and is stored nowhere. */
export const PassingFrame = Schema.Union([ReadEventFrame, TypingEventFrame, PresenceFrame])
export type PassingFrame = typeof PassingFrame.Type

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

export const Resumed = Schema.Struct({
  type: Schema.Literal("resumed"),
  recovered: Schema.Boolean,
  cursor: Seq
}).annotate({ identifier: "ResumedFrame", description: "The replay that `since` asked for is complete" })

export const Reconnect = Schema.Struct({
  type: Schema.Literal("reconnect"),
  after_ms: Milliseconds
}).annotate({
  identifier: "ReconnectFrame",
  description: "The server is about to close this socket: connect again after that time"
})

/** What the server may send. */
export const ServerFrame = Schema.Union([
  System,
  Pong,
  Ack,
  ErrorFrame,
  ...ServerEvent.members,
  TypingEventFrame,
  PresenceFrame,
  Resumed,
  Reconnect
]).annotate({
  identifier: "ServerFrame",
  description: "What the server may send on a socket: one JSON object in a text frame"
})
export type ServerFrame = typeof ServerFrame.Type
