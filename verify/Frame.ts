import { Option, Schema } from "effect"

/**
 * What this client reads of the server's frames, apart from the server's own declarations, so that a mistake there is seen here. Fields
 * and kinds that a newer server adds pass through.
 */
export class Message extends Schema.Class<Message>("Message")({
  id: Schema.Int,
  sender_id: Schema.Int,
  receiver_id: Schema.optionalKey(Schema.Int),
  conversation_id: Schema.optionalKey(Schema.Int),
  content: Schema.String,
  version: Schema.optionalKey(Schema.Int),
  deleted_at: Schema.optionalKey(Schema.String),
  reactions: Schema.optionalKey(
    Schema.Array(Schema.Struct({ emoji: Schema.String, count: Schema.Int, mine: Schema.Boolean }))
  )
}) {}

const System = Schema.Struct({
  type: Schema.tag("system"),
  cursor: Schema.Int,
  epoch: Schema.optionalKey(Schema.String),
  recovered: Schema.optionalKey(Schema.Boolean)
})

const Resumed = Schema.Struct({ type: Schema.tag("resumed"), cursor: Schema.Int, recovered: Schema.Boolean })

const Acknowledgement = Schema.Struct({
  type: Schema.tag("ack"),
  client_id: Schema.String,
  message: Message
})

const Failure = Schema.Struct({
  type: Schema.tag("error"),
  code: Schema.String,
  message: Schema.String,
  client_id: Schema.optionalKey(Schema.String),
  retry_after_ms: Schema.optionalKey(Schema.Finite)
})

const Reconnect = Schema.Struct({ type: Schema.tag("reconnect"), after_ms: Schema.Finite })

const Pong = Schema.Struct({ type: Schema.tag("pong") })

/** The frames without a number, which may be lost. */
const Passing = Schema.Struct({ type: Schema.Literals(["read", "typing", "presence"]) })

/** An entry of the inbox: a message, a change of one, a read mark, or a kind that this client does not know. */
export const InboxEvent = Schema.Struct({
  type: Schema.String,
  seq: Schema.Int,
  id: Schema.optionalKey(Schema.Int),
  sender_id: Schema.optionalKey(Schema.Int),
  receiver_id: Schema.optionalKey(Schema.Int),
  content: Schema.optionalKey(Schema.String),
  client_id: Schema.optionalKey(Schema.NullOr(Schema.String)),
  conversation_id: Schema.optionalKey(Schema.Int),
  version: Schema.optionalKey(Schema.Int),
  deleted_at: Schema.optionalKey(Schema.String),
  message_id: Schema.optionalKey(Schema.Int),
  user_id: Schema.optionalKey(Schema.Int),
  emoji: Schema.optionalKey(Schema.String),
  added: Schema.optionalKey(Schema.Boolean),
  count: Schema.optionalKey(Schema.Int),
  conversation: Schema.optionalKey(Schema.Struct({ id: Schema.Int })),
  member: Schema.optionalKey(Schema.Struct({ user_id: Schema.Int })),
  member_count: Schema.optionalKey(Schema.Int)
})
export type InboxEvent = typeof InboxEvent.Type

const ServerFrame = Schema.Union([
  System,
  Resumed,
  Acknowledgement,
  Failure,
  Reconnect,
  Pong,
  InboxEvent,
  Passing
])
export type ServerFrame = typeof ServerFrame.Type

const decodeFrame = Schema.decodeUnknownOption(Schema.fromJsonString(ServerFrame))

export const decode = (text: string): ServerFrame | undefined => Option.getOrUndefined(decodeFrame(text))

export const isInboxEvent = (frame: ServerFrame): frame is InboxEvent => "seq" in frame
