import { Effect } from "effect"
import type { InboxEvent } from "../../src/domain/Event.ts"
import type { Message } from "../../src/domain/Message.ts"
import type { UserId } from "../../src/domain/User.ts"
import { EventBuilder, EventKinds } from "../../src/inbox/EventKinds.ts"
import { InboxRepo } from "../../src/repo/InboxRepo.ts"

/** The JSON text of a message, in the field order of the contract. */
export const messageJson = (message: Message): string =>
  JSON.stringify({
    id: message.id,
    sender_id: message.sender_id,
    sender_username: message.sender_username,
    receiver_id: message.receiver_id,
    content: message.content,
    timestamp: message.timestamp,
    conversation_id: message.conversation_id,
    reply_to: message.reply_to,
    metadata: message.metadata,
    version: message.version,
    edited_at: message.edited_at,
    deleted_at: message.deleted_at,
    reactions: message.reactions
  })

/** When the events of `messageEvent` were committed. */
export const COMMITTED_AT = Date.parse("2026-01-31T12:00:00.000Z")

/** The event at `seq` whose frame has the fields of a JSON object. */
export const messageEvent = (
  type: "message" | "message_sent",
  seq: number,
  json: string,
  clientId?: string,
  traceparent?: string
): InboxEvent => ({
  seq,
  type,
  frame: Buffer.from(
    clientId === undefined
      ? `{"type":"${type}","seq":${seq},${json.slice(1)}`
      : `{"type":"${type}","seq":${seq},${json.slice(1, -1)},"client_id":${JSON.stringify(clientId)}}`
  ),
  committedAt: COMMITTED_AT,
  traceparent
})

/** The text of an event's frame. */
export const frameOf = ({ frame }: Pick<InboxEvent, "frame">): string => Buffer.from(frame).toString()

/** The frames of a user's inbox, built as sockets get them. */
export const framesInInbox = Effect.fnUntraced(function* (userId: UserId, after = 0, limit = 1000) {
  const builder = new EventBuilder(yield* EventKinds)
  const records = yield* (yield* InboxRepo).page(userId, after, limit, builder.newMessageTypes)
  return records.map((record) => frameOf(builder.build(record)))
})
