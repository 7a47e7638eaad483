import { Schema } from "effect"
import { ConversationId } from "../domain/ConversationId.ts"
import { EpochText, Seq } from "../domain/Event.ts"
import { addressee, Message, MessageId, messageFields } from "../domain/Message.ts"
import { Timestamp } from "../domain/Text.ts"
import { UserId } from "../domain/User.ts"
import { ReadEventFrame, ServerEvent } from "./EventFrames.ts"

/**
 * The WebSocket protocol: text frames, each one JSON object with a `type`. A socket with `minichat.v2` sends and gets every type. One with
 * `minichat.v1`, or without a subprotocol, sends `ping`, `send` and `auth`, and gets `system`, `pong`, `ack`, `error`, and the `message`
 * of direct conversations.
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
  description: "Marks a conversation as read up to a message. Answered only when it fails"
})

export const Typing = Schema.Struct({
  type: Schema.Literal("typing"),
  conversation_id: ConversationId,
  typing: Schema.Boolean
}).annotate({
  identifier: "TypingFrame",
  description:
    "Shows the other members of a conversation that the user types, or has stopped. While the user types, repeat it at least every 6 s, at most once a second"
})

/** A socket may watch at most this many users. */
export const MAX_WATCHED = 200

export const Watch = Schema.Struct({
  type: Schema.Literal("watch"),
  user_ids: Schema.Array(UserId).check(Schema.isMaxLength(MAX_WATCHED))
}).annotate({
  identifier: "WatchFrame",
  description: `Sets the users whose presence this socket gets, at most ${MAX_WATCHED}. Replaces those of the last \`watch\``
})

export const Auth = Schema.Struct({ type: Schema.Literal("auth"), token: Schema.String }).annotate({
  identifier: "AuthFrame",
  description: "Renews the token of the socket"
})

/** A frame that a client may send. */
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
    description: "The history of the database that `cursor` belongs to. Give it with `since`"
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

export const TypingEventFrame = Schema.Struct({
  type: Schema.Literal("typing"),
  conversation_id: ConversationId,
  user_id: UserId,
  typing: Schema.Boolean
}).annotate({
  identifier: "TypingNotice",
  description:
    "A user types, or has stopped. A user types for at most 6 s after the last such frame. It has no `seq` and is not replayed"
})

export const PresenceFrame = Schema.Struct({
  type: Schema.Literal("presence"),
  user_id: UserId,
  online: Schema.Boolean,
  last_seen: Schema.NullOr(Timestamp)
}).annotate({
  identifier: "PresenceNotice",
  description:
    "A watched user came online, or has been offline for 3 s. Also sent for each user when a `watch` begins"
})

/** The frames that may come without a `seq`. Then they are not stored. A `read` that has one is an event. */
export const PassingFrame = Schema.Union([ReadEventFrame, TypingEventFrame, PresenceFrame])
export type PassingFrame = typeof PassingFrame.Type

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

/** A frame that the server may send. */
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
