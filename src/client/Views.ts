import type { ConversationEntry } from "../domain/Conversation.ts"
import type { ConversationId } from "../domain/ConversationId.ts"
import type { Message } from "../domain/Message.ts"
import type { UserId } from "../domain/User.ts"
import type { OutboxEntry } from "./Command.ts"
import { keptMessage, mapChanged, withReaction } from "./Messages.ts"
import type { State } from "./State.ts"
import { afterRead } from "./Unread.ts"

/**
 * What a person is shown: the state, and on top of it what the outbox is about to change. Each call may give a new array: compare
 * states, not what these make of them.
 */

/** Applications have ids as plain numbers. */
const keyOf = (id: number) => id as ConversationId

/** The conversations by activity, with what this user has read on this device taken as read. */
export const conversationList = (state: State): ReadonlyArray<ConversationEntry> =>
  state.order.map((id) => conversationOf(state, id)!)

/** One conversation; `undefined` when it is not loaded. */
export const conversationOf = (state: State, id: number): ConversationEntry | undefined => {
  const known = state.conversations.get(keyOf(id))
  if (known === undefined) return undefined
  let read = known.last_read_id
  for (const { command, state: at } of state.outbox) {
    if (command.type === "read" && command.conversation_id === id && at !== "failed")
      read = Math.max(read, command.message_id)
  }
  if (read === known.last_read_id) return known
  const shown = { ...known, last_read_id: read }
  return { ...shown, unread: afterRead(shown, timelineOf(state, id), state.userId) ?? known.unread }
}

/** The direct conversation with a user, when it is loaded. */
export const directWith = (state: State, userId: number): ConversationEntry | undefined => {
  for (const conversation of state.conversations.values())
    if (conversation.with?.user_id === userId) return conversation
  return undefined
}

/** What is loaded of an opened conversation; `undefined` when it is not opened. */
export const timelineOf = (state: State, id: number) => state.timelines.get(keyOf(id))

/** The loaded messages of an opened conversation, with edits, deletions and reactions of this user that wait in the outbox. */
export const messagesOf = (state: State, id: number): ReadonlyArray<Message> => {
  const messages = timelineOf(state, id)?.messages ?? []
  return state.outbox.reduce(
    (shown, entry) =>
      entry.state !== "failed" && entry.command.conversation_id === id && "message_id" in entry.command
        ? withPending(shown, entry, state)
        : shown,
    messages
  )
}

const withPending = (
  messages: ReadonlyArray<Message>,
  { command, created_at }: OutboxEntry,
  state: State
) => {
  if (!("message_id" in command)) return messages
  const at = new Date(created_at).toISOString()
  return mapChanged(messages, (message) => {
    if (message.id !== command.message_id) return message
    switch (command.type) {
      case "edit":
        return { ...message, content: command.content, edited_at: at }
      case "delete":
        return keptMessage({ ...message, deleted_at: at })
      case "react": {
        const before = message.reactions?.find(({ emoji }) => emoji === command.emoji)
        if ((before?.mine ?? false) === command.added) return message
        const count = (before?.count ?? 0) + (command.added ? 1 : -1)
        return withReaction(message, { ...command, count, user_id: state.userId }, state.userId)
      }
      case "read":
        return message
    }
  })
}

/** The messages to a conversation that are on their way, and those that were refused; in order. */
export const outgoingOf = (state: State, id: number): ReadonlyArray<OutboxEntry> => {
  const peer = state.conversations.get(keyOf(id))?.with?.user_id
  return state.outbox.filter(
    ({ command }) =>
      command.type === "send" &&
      (command.conversation_id === id || (peer !== undefined && command.receiver_id === peer))
  )
}

/** The edits, deletions and reactions of a message that were refused; in order. They take a `retry` or a `discard`. */
export const refusedOf = (state: State, messageId: number): ReadonlyArray<OutboxEntry> =>
  state.outbox.filter(
    ({ command, state }) => state === "failed" && "message_id" in command && command.message_id === messageId
  )

/** Who types in a conversation. */
export const typingIn = (state: State, id: number): ReadonlyArray<UserId> => [
  ...(state.typing.get(keyOf(id))?.keys() ?? [])
]

/** Who has read a message: the other user of a direct conversation, or those members of a group that are loaded. */
export const readersOf = (state: State, id: number, messageId: number): ReadonlyArray<UserId> => {
  const peer = state.conversations.get(keyOf(id))?.with
  if (peer !== undefined) return peer.last_read_id >= messageId ? [peer.user_id] : []
  return [...(state.members.get(keyOf(id))?.values() ?? [])]
    .filter((member) => member.user_id !== state.userId && member.last_read_id >= messageId)
    .map((member) => member.user_id)
}
