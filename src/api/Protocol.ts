import { Schema } from "effect"
import { EpochText, Seq } from "../domain/Event.ts"
import { ClientId, Content, Message } from "../domain/Message.ts"
import { Timestamp } from "../domain/Text.ts"
import { UserId } from "../domain/User.ts"

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
  receiver_id: UserId,
  content: Content,
  client_id: Schema.optionalKey(Schema.NullOr(ClientId))
}).annotate({ identifier: "SendFrame", description: "Sends a message, answered with an `ack` or an `error`" })

export const Auth = Schema.Struct({ type: Schema.Literal("auth"), token: Schema.String }).annotate({
  identifier: "AuthFrame",
  description: "Renews the token of the socket"
})

/** What a client may send. */
export const ClientFrame = Schema.Union([Ping, Send, Auth]).annotate({
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

/** What an inbox holds. */
export const ServerEvent = Schema.Union([MessageFrame, MessageSentFrame, OmittedFrame])
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
  MessageFrame,
  MessageSentFrame,
  OmittedFrame,
  Resumed,
  Reconnect
]).annotate({
  identifier: "ServerFrame",
  description: "What the server may send on a socket: one JSON object in a text frame"
})
export type ServerFrame = typeof ServerFrame.Type
