import { EventKey } from "./EventKey.ts"
import type { InboxEvent } from "./Frame.ts"
import type { Found, Inbox } from "./Inbox.ts"

/** A message, as the events of one inbox left it. */
export interface MessageState {
  readonly conversationId: number | undefined
  readonly senderId: number | undefined
  content: string
  version: number
  deleted: boolean
  /** Who has reacted, by emoji. */
  readonly reactions: Map<string, Set<number>>
}

/** What the events of one inbox add up to. */
export interface InboxState {
  readonly messages: ReadonlyMap<number, MessageState>
  /** The ids of the groups and direct conversations that the inbox has events of, without the groups that the user is no longer in. */
  readonly conversations: ReadonlySet<number>
  /** The last message that the user itself has read, by conversation; none where no event has it. */
  readonly lastRead: ReadonlyMap<number, number>
  /** The keys of the events that came. */
  readonly keys: ReadonlySet<string>
}

interface Known extends MessageState {
  edits: number
  isDeletionKnown: boolean
}

/** Adds up the events of one inbox by ascending number, and notes those that cannot follow on what came before. */
export const fold = (inbox: Inbox, found: Found): InboxState => {
  const messages = new Map<number, Known>()
  const conversations = new Set<number>()
  const reads = new Map<string, number>()
  const lastRead = new Map<number, number>()
  const keys = new Set<string>()
  const user = `user ${inbox.userId}`

  const note = (key: string) => {
    if (keys.has(key)) found("repeated", `${user} got the ${key} twice`)
    keys.add(key)
  }

  /** The message that an event changes. */
  const changed = (id: number, what: string): Known | undefined => {
    const message = messages.get(id)
    if (message === undefined) found("reordered", `${user} got the ${what} before the message`)
    else if (message.isDeletionKnown) {
      // A second deletion is found as a repeat.
      if (what !== EventKey.deletion(id)) found("reordered", `${user} got the ${what} after its deletion`)
    }
    return message
  }

  const sent = (event: InboxEvent, id: number) => {
    keys.add(`${event.type} ${id}`)
    if (event.conversation_id !== undefined) conversations.add(event.conversation_id)
    if (messages.has(id)) return
    messages.set(id, {
      conversationId: event.conversation_id,
      senderId: event.sender_id,
      content: event.content ?? "",
      version: event.version ?? 1,
      deleted: event.deleted_at !== undefined,
      reactions: new Map(),
      edits: 0,
      isDeletionKnown: false
    })
  }

  const edited = (event: InboxEvent, id: number) => {
    const edits = (messages.get(id)?.edits ?? 0) + 1
    const key = EventKey.edit(id, edits + 1)
    note(key)
    const message = changed(id, key)
    if (message === undefined) return
    message.edits = edits
    message.content = event.content ?? ""
    message.deleted ||= event.deleted_at !== undefined
    // A replay holds messages as they are now: a later version than the event made, but never an earlier one, and of a deleted message
    // none.
    if (event.deleted_at !== undefined) return
    const version = event.version ?? 1
    if (version < Math.max(message.version, edits + 1)) {
      found(
        version === message.version ? "repeated" : "reordered",
        `${user} got version ${version} of message ${id} after version ${message.version}`
      )
    }
    message.version = Math.max(version, message.version)
  }

  const deleted = (id: number) => {
    const key = EventKey.deletion(id)
    note(key)
    const message = changed(id, key)
    if (message === undefined) return
    message.isDeletionKnown = true
    message.deleted = true
    message.content = ""
    message.reactions.clear()
  }

  const reacted = (event: InboxEvent, id: number) => {
    const { added = true, count, emoji = "", user_id = 0 } = event
    const key = EventKey.reaction(id, user_id, emoji, added)
    keys.add(key)
    const message = changed(id, key)
    if (message === undefined) return
    const users = message.reactions.get(emoji) ?? new Set()
    if (users.has(user_id) === added) found("repeated", `${user} got the ${key} twice`)
    if (added) users.add(user_id)
    else users.delete(user_id)
    if (users.size === 0) message.reactions.delete(emoji)
    else message.reactions.set(emoji, users)
    if (count !== users.size) {
      found("altered", `${user} got ${count} instead of ${users.size} reactions with the ${key}`)
    }
  }

  const readUpTo = (conversationId: number, userId: number, messageId: number) => {
    const key = EventKey.read(conversationId, userId, messageId)
    const mark = `${conversationId} ${userId}`
    const last = reads.get(mark) ?? 0
    if (messageId < last) found("reordered", `${user} got the ${key} after ${last}`)
    note(key)
    reads.set(mark, Math.max(last, messageId))
    if (userId === inbox.userId) lastRead.set(conversationId, Math.max(last, messageId))
  }

  /** What a user knew of a group it knows no longer: when it comes back, it begins anew. */
  const left = (conversationId: number) => {
    conversations.delete(conversationId)
    lastRead.delete(conversationId)
    keys.delete(EventKey.membership(conversationId))
    for (const [id, message] of messages) if (message.conversationId === conversationId) messages.delete(id)
  }

  for (const event of inOrder(inbox)) {
    const { conversation, conversation_id, id, message_id, type, user_id } = event
    if ((type === "message" || type === "message_sent") && id !== undefined) sent(event, id)
    else if (type === "message_updated" && id !== undefined) edited(event, id)
    else if (type === "message_deleted" && message_id !== undefined) deleted(message_id)
    else if (type === "reaction" && message_id !== undefined) reacted(event, message_id)
    else if (type === "read" && conversation_id && user_id && message_id) {
      readUpTo(conversation_id, user_id, message_id)
    } else if (type === "conversation_added" && conversation !== undefined) {
      note(EventKey.membership(conversation.id))
      conversations.add(conversation.id)
    } else if (type === "conversation_removed" && conversation_id !== undefined) left(conversation_id)
  }
  return { messages, conversations, lastRead, keys }
}

/** The events by ascending number, each number once: those that came twice or late are found by their numbers. */
const inOrder = ({ received }: Inbox): ReadonlyArray<InboxEvent> => {
  const bySeq = new Map<number, InboxEvent>()
  for (const { event } of received) if (!bySeq.has(event.seq)) bySeq.set(event.seq, event)
  return [...bySeq.values()].sort((a, b) => a.seq - b.seq)
}
