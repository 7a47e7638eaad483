import type { Conversation, ConversationEntry, Member, Peer, ReadState } from "../domain/Conversation.ts"
import { type Message, QUOTE_LENGTH, type Quote } from "../domain/Message.ts"
import type { UserId } from "../domain/User.ts"
import type { MemoryConversation, MemoryEvent, MemoryMember, MemoryMessage, Tables } from "./MemoryTables.ts"
import { blockOf } from "./MemoryTables.ts"

/** Unread messages are counted up to this number. */
const MAX_UNREAD = 100

const userOf = ({ users }: Tables, userId: UserId) => users[userId - 1]!

/** How a user is shown among the members of a conversation. */
const namesOf = (tables: Tables, userId: UserId) => {
  const { username, display_name, avatar_url } = userOf(tables, userId)
  return {
    user_id: userId,
    username,
    display_name,
    ...(avatar_url === undefined ? {} : { avatar_url })
  }
}

/** Whether a user may read a message of a conversation. */
export const mayRead = (
  { history, members }: MemoryConversation,
  userId: UserId,
  messageId: number
): boolean => {
  const member = members.get(userId)
  return member !== undefined && (history === "all" || messageId > member.joinedAfter)
}

/** The members who may read a message, by ascending id. */
export const readersOf = (tables: Tables, message: MemoryMessage): ReadonlyArray<UserId> => {
  const conversation = tables.conversations.get(message.conversationId)!
  return memberIds(conversation).filter((userId) => mayRead(conversation, userId, message.id))
}

export const memberIds = ({ members }: MemoryConversation): ReadonlyArray<UserId> =>
  [...members.keys()].sort((a, b) => a - b)

const quoteOf = (quoted: MemoryMessage, isShown: boolean): Quote => ({
  id: quoted.id,
  sender_id: quoted.senderId,
  content: isShown ? [...quoted.content].slice(0, QUOTE_LENGTH).join("") : ""
})

const whole = (tables: Tables, message: MemoryMessage, isShown: (of: MemoryMessage) => boolean): Message => {
  const shown = {
    id: message.id,
    sender_id: message.senderId,
    sender_username: userOf(tables, message.senderId).username,
    ...(message.receiverId === undefined ? {} : { receiver_id: message.receiverId }),
    content: message.content,
    timestamp: message.timestamp,
    conversation_id: message.conversationId
  }
  if (!isShown(message)) return { ...shown, content: "", withheld: true }
  if (message.deletedAt !== undefined) return { ...shown, deleted_at: message.deletedAt }
  const quoted = message.replyToId === undefined ? undefined : tables.messages.get(message.replyToId)!
  return {
    ...shown,
    ...(quoted === undefined ? {} : { reply_to: quoteOf(quoted, isShown(quoted)) }),
    ...(message.metadata === undefined ? {} : { metadata: message.metadata }),
    ...(message.version === 1 ? {} : { version: message.version }),
    ...(message.editedAt === undefined ? {} : { edited_at: message.editedAt })
  }
}

/** A message as its events show it. */
export const messageAsNow = (tables: Tables, message: MemoryMessage): Message =>
  whole(tables, message, () => true)

/** A message for its author, who may have left the conversation: the quoted content is withheld unless the author may read it now. */
export const messageOfAuthor = (tables: Tables, message: MemoryMessage): Message => {
  const conversation = tables.conversations.get(message.conversationId)!
  return whole(tables, message, ({ id }) => id === message.id || mayRead(conversation, message.senderId, id))
}

/**
 * The message of an event in a user's inbox. What changed since the event is withheld unless the user may read it now; a deletion shows
 * nothing that could be withheld.
 */
export const messageOfEvent = (
  tables: Tables,
  message: MemoryMessage,
  viewer: UserId,
  event: MemoryEvent
): Message => {
  const conversation = tables.conversations.get(message.conversationId)!
  return whole(
    tables,
    message,
    ({ id, revision }) =>
      event.type === "message_deleted" || revision <= event.revision || mayRead(conversation, viewer, id)
  )
}

/** A message as a member sees it, with its reactions. */
export const messageSeenBy = (tables: Tables, viewer: UserId, message: MemoryMessage): Message => {
  const reactions = [...message.reactions]
    .map(([emoji, users]) => ({ emoji, count: users.size, mine: users.has(viewer) }))
    // Bytes of UTF-8 have the order of code points.
    .sort((a, b) => b.count - a.count || Buffer.compare(Buffer.from(a.emoji), Buffer.from(b.emoji)))
  const seen = messageAsNow(tables, message)
  return reactions.length === 0 ? seen : { ...seen, reactions }
}

/** The messages of a conversation that a member may read, by ascending id. */
export const readableBy = (
  { messages }: Tables,
  conversation: MemoryConversation,
  userId: UserId
): ReadonlyArray<MemoryMessage> =>
  [...messages.values()].filter(
    ({ id, conversationId }) => conversationId === conversation.id && mayRead(conversation, userId, id)
  )

/** A conversation as all its members see it. */
export const conversationForAll = (conversation: MemoryConversation): Conversation => ({
  id: conversation.id,
  kind: conversation.kind,
  ...(conversation.title === undefined ? {} : { title: conversation.title }),
  ...(conversation.metadata === undefined ? {} : { metadata: conversation.metadata }),
  history: conversation.history,
  ...(conversation.createdBy === undefined ? {} : { created_by: conversation.createdBy }),
  created_at: conversation.createdAt,
  member_count: conversation.members.size
})

/** A conversation as one of its members sees it: with its own role, or with the other user. */
export const conversationSeenBy = (
  tables: Tables,
  viewer: UserId,
  conversation: MemoryConversation
): Conversation => {
  const shared = conversationForAll(conversation)
  if (conversation.kind === "direct") return { ...shared, with: peerOf(tables, viewer, conversation) }
  const member = conversation.members.get(viewer)
  return member === undefined ? shared : { ...shared, role: member.role }
}

const peerOf = (tables: Tables, viewer: UserId, { users, members }: MemoryConversation): Peer => {
  const userId = users!.find((user) => user !== viewer) ?? viewer
  const lastReadId = members.get(userId)?.lastReadId ?? 0
  return { ...namesOf(tables, userId), last_read_id: shownRead(tables, viewer, userId, lastReadId) }
}

/** The read mark of a user as the other user of a direct conversation sees it: a block hides what is read later. */
const shownRead = (tables: Tables, viewer: UserId, userId: UserId, lastReadId: number): number =>
  Math.min(lastReadId, blockOf(tables, viewer, userId)?.lastReadId ?? lastReadId)

export const memberSeen = (tables: Tables, member: MemoryMember): Member => {
  return {
    ...namesOf(tables, member.userId),
    role: member.role,
    joined_at: member.joinedAt,
    last_read_id: member.lastReadId
  }
}

/** A member as another member of its conversation sees it. */
export const memberSeenBy = (
  tables: Tables,
  viewer: UserId,
  { kind }: MemoryConversation,
  member: MemoryMember
): Member => {
  const seen = memberSeen(tables, member)
  return kind === "group"
    ? seen
    : { ...seen, last_read_id: shownRead(tables, viewer, member.userId, member.lastReadId) }
}

export const readStateOf = (
  tables: Tables,
  conversation: MemoryConversation,
  member: MemoryMember
): ReadState => {
  const unread = readableBy(tables, conversation, member.userId).filter(
    ({ id, senderId, deletedAt }) =>
      id > member.lastReadId && senderId !== member.userId && deletedAt === undefined
  )
  return { last_read_id: member.lastReadId, unread: Math.min(unread.length, MAX_UNREAD) }
}

/** A conversation in the list of one of its members. */
export const entryFor = (
  tables: Tables,
  conversation: MemoryConversation,
  member: MemoryMember
): ConversationEntry => {
  const last = readableBy(tables, conversation, member.userId).at(-1)
  return {
    ...conversationSeenBy(tables, member.userId, conversation),
    ...readStateOf(tables, conversation, member),
    last_message: last === undefined ? null : messageSeenBy(tables, member.userId, last),
    activity: Math.max(last?.id ?? 0, member.joinedAfter)
  }
}
