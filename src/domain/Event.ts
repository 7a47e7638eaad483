import { Schema } from "effect"
import type { Message } from "./Message.ts"

/** A place in a user's inbox. The first event is 1; every event takes the next number, without gaps. */
export const Seq = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)).annotate({ examples: [1042] })

export const EventType = Schema.Literals(["message", "message_sent"])
export type EventType = typeof EventType.Type

/**
 * One numbered entry of one user's inbox. `frame` is the JSON text that sockets, replays and REST all
 * carry: it is built once, here, so the bytes agree everywhere.
 */
export interface InboxEvent {
  readonly seq: number
  readonly type: EventType
  readonly frame: string
}

/** The JSON text of a message, in the field order of the contract. */
export const messageJson = (message: Message): string =>
  JSON.stringify({
    id: message.id,
    sender_id: message.sender_id,
    sender_username: message.sender_username,
    receiver_id: message.receiver_id,
    content: message.content,
    timestamp: message.timestamp
  })

/**
 * The event of `type` at `seq` that reports a message, given `messageJson(message)`. A `clientId` is shown
 * to its sender's own devices only.
 */
export const messageEvent = (
  type: EventType,
  seq: number,
  json: string,
  clientId: string | null = null
): InboxEvent => ({
  seq,
  type,
  frame:
    type === "message_sent" && clientId !== null
      ? `{"type":"${type}","seq":${seq},${json.slice(1, -1)},"client_id":${JSON.stringify(clientId)}}`
      : `{"type":"${type}","seq":${seq},${json.slice(1)}`
})

/** The length of the end of a `message` frame: the time, a quote and a brace. */
const TIME_AND_END = 26

/** When the message of a `message` frame was committed, in milliseconds since 1970: its last field says so. */
export const committedAt = (frame: Buffer): number =>
  Date.parse(frame.toString("latin1", frame.length - TIME_AND_END, frame.length - 2))
