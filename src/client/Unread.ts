import type { ConversationEntry } from "../domain/Conversation.ts"
import type { Message } from "../domain/Message.ts"
import type { UserId } from "../domain/User.ts"
import { keptMessage, laterOf } from "./Messages.ts"
import type { Timeline } from "./State.ts"

/** As far as unread messages are counted: this many, or more. */
export const MOST_UNREAD = 100

/** The conversation after a message of it. One that is not newer than the last message is counted already. */
export const counted = (known: ConversationEntry, message: Message, self: UserId): ConversationEntry => {
  const last = known.last_message
  if (last !== null && message.id <= last.id) {
    return last.id === message.id ? { ...known, last_message: laterOf(last, message) } : known
  }
  const { reactions: _, ...shown } = keptMessage(message)
  const isUnread =
    message.sender_id !== self && message.id > known.last_read_id && message.deleted_at === undefined
  return {
    ...known,
    last_message: shown,
    unread: Math.min(known.unread + (isUnread ? 1 : 0), MOST_UNREAD),
    activity: Math.max(known.activity, message.id)
  }
}

/** How many messages of others are unread, when that follows from what is loaded. */
export const afterRead = (
  { last_message, last_read_id }: ConversationEntry,
  timeline: Timeline | undefined,
  self: UserId
): number | undefined => {
  if (last_message === null || last_read_id >= last_message.id) return 0
  const messages = timeline?.messages ?? []
  // Either of the two may be ahead of the other, by an answer whose events have not come yet.
  if (timeline === undefined || timeline.hasNewer || messages.at(-1)?.id !== last_message.id) return undefined
  if (timeline.hasOlder && messages[0]!.id > last_read_id) return undefined
  const unread = messages.filter(
    ({ id, sender_id, deleted_at }) => id > last_read_id && sender_id !== self && deleted_at === undefined
  )
  return Math.min(unread.length, MOST_UNREAD)
}
