import { DateTime, Effect, Result } from "effect"
import { Suspended } from "../domain/Caller.ts"
import { ConversationNotFound, NotMember } from "../domain/ConversationErrors.ts"
import {
  Blocked,
  ClientIdConflict,
  type Draft,
  type GroupDraft,
  type Message,
  type MessageId,
  MessageNotFound,
  QuoteNotFound,
  ReceiverNotFound,
  type SendError,
  SenderNotFound
} from "../domain/Message.ts"
import type { Appended, Sent } from "../domain/Send.ts"
import type { UserId } from "../domain/User.ts"
import { appendTo } from "./MemoryEvents.ts"
import {
  blockOf,
  directOf,
  type MemoryConversation,
  type MemoryMessage,
  MemoryTables,
  makeDirect,
  nextMessageId,
  type Tables
} from "./MemoryTables.ts"
import {
  mayRead,
  memberIds,
  messageAsNow,
  messageOfAuthor,
  messageSeenBy,
  readableBy
} from "./MemoryViews.ts"
import type { ConversationQuery, HistoryQuery, MessagesAt } from "./MessageQueries.ts"

type Answer = Result.Result<Sent, SendError>

/** The memory layer of `MessageRepo`. */
export const messagesInMemory = Effect.map(MemoryTables, (tables) => {
  const { messages, conversations, inboxes } = tables

  const send = (drafts: ReadonlyArray<Draft>) =>
    Effect.map(DateTime.now, (now) =>
      drafts.map((draft) => sendDirect(tables, draft, DateTime.formatIso(now)))
    )

  const sendToGroups = (drafts: ReadonlyArray<GroupDraft>) =>
    Effect.map(DateTime.now, (now) =>
      drafts.map((draft) => sendToGroup(tables, draft, DateTime.formatIso(now)))
    )

  const find = (userId: UserId, id: MessageId) =>
    Effect.suspend((): Effect.Effect<Message, MessageNotFound | NotMember> => {
      const message = messages.get(id)
      if (message === undefined) return Effect.fail(new MessageNotFound())
      const conversation = conversations.get(message.conversationId)!
      if (!conversation.members.has(userId)) return Effect.fail(new NotMember())
      if (!mayRead(conversation, userId, id)) return Effect.fail(new MessageNotFound())
      return Effect.succeed(messageSeenBy(tables, userId, message))
    })

  const pageFor = (userId: UserId, page: ReadonlyArray<MemoryMessage>): MessagesAt => ({
    head: inboxes.get(userId)?.lastSeq,
    messages: inboxes.has(userId) ? page.map((message) => messageSeenBy(tables, userId, message)) : []
  })

  const newestFirst = (
    userId: UserId,
    isWanted: (message: MemoryMessage) => boolean,
    { skip, limit, afterId }: Pick<HistoryQuery, "skip" | "limit" | "afterId">
  ) =>
    Effect.sync(() => {
      const wanted = [...messages.values()].filter(isWanted)
      const ordered = afterId === undefined ? wanted.reverse() : wanted
      return pageFor(userId, ordered.slice(skip, skip + limit))
    })

  const history = (query: HistoryQuery) => {
    const { userId, chatWith, beforeId, afterId } = query
    return newestFirst(
      userId,
      ({ id, senderId, receiverId }) =>
        receiverId !== undefined &&
        id < (beforeId ?? Infinity) &&
        id > (afterId ?? 0) &&
        ((senderId === userId && receiverId === (chatWith ?? receiverId)) ||
          (receiverId === userId && senderId === (chatWith ?? senderId))),
      query
    )
  }

  const received = (userId: UserId, limit: number) =>
    newestFirst(userId, ({ receiverId }) => receiverId === userId, { skip: 0, limit })

  const ofConversation = ({ userId, conversationId, beforeId, afterId, skip, limit }: ConversationQuery) =>
    Effect.suspend((): Effect.Effect<MessagesAt, ConversationNotFound | NotMember> => {
      const conversation = conversations.get(conversationId)
      if (conversation === undefined) return Effect.fail(new ConversationNotFound())
      if (!conversation.members.has(userId)) return Effect.fail(new NotMember())
      const wanted = readableBy(tables, conversation, userId).filter(
        ({ id }) => id < (beforeId ?? Infinity) && id > (afterId ?? 0)
      )
      const ordered = afterId === undefined ? wanted.toReversed() : wanted
      return Effect.succeed(pageFor(userId, ordered.slice(skip, skip + limit)))
    })

  return { send, sendToGroups, history, find, ofConversation, received }
})

const sendDirect = (tables: Tables, draft: Draft, now: string): Answer => {
  const { inboxes } = tables
  if (!inboxes.has(draft.sender_id)) return Result.fail(new SenderNotFound())
  const earlier = earlierSend(tables, draft)
  if (earlier !== undefined) {
    const isSame = earlier.receiverId === draft.receiver_id && hasContent(earlier, draft)
    return isSame
      ? repeatOf(tables, earlier, [draft.receiver_id, draft.sender_id])
      : Result.fail(new ClientIdConflict())
  }
  if (!inboxes.has(draft.receiver_id)) return Result.fail(new ReceiverNotFound())
  if (tables.suspended.has(draft.sender_id)) return Result.fail(new Suspended())
  if (blockOf(tables, draft.receiver_id, draft.sender_id) !== undefined) return Result.fail(new Blocked())
  const known = directOf(tables, draft.sender_id, draft.receiver_id)
  if (!mayQuote(tables, draft, known)) return Result.fail(new QuoteNotFound())
  const conversation = known ?? makeDirect(tables, [draft.sender_id, draft.receiver_id], undefined, now, 0)
  const message = insert(tables, draft, conversation, draft.receiver_id, now)
  return Result.succeed({
    message: messageAsNow(tables, message),
    isRepeat: false,
    appended: [
      appended(tables, draft.receiver_id, "message", message),
      appended(tables, draft.sender_id, "message_sent", message)
    ]
  })
}

const sendToGroup = (tables: Tables, draft: GroupDraft, now: string): Answer => {
  const conversation = tables.conversations.get(draft.conversation_id)
  const earlier = earlierSend(tables, draft)
  if (earlier !== undefined) {
    const isSame = earlier.conversationId === draft.conversation_id && hasContent(earlier, draft)
    return isSame ? repeatOf(tables, earlier, memberIds(conversation!)) : Result.fail(new ClientIdConflict())
  }
  if (conversation === undefined) return Result.fail(new ConversationNotFound())
  if (!conversation.members.has(draft.sender_id) || !tables.inboxes.has(draft.sender_id))
    return Result.fail(new NotMember())
  if (tables.suspended.has(draft.sender_id)) return Result.fail(new Suspended())
  if (!mayQuote(tables, draft, conversation)) return Result.fail(new QuoteNotFound())
  const message = insert(tables, draft, conversation, undefined, now)
  return Result.succeed({
    message: messageAsNow(tables, message),
    isRepeat: false,
    appended: memberIds(conversation).flatMap((userId) =>
      !tables.inboxes.has(userId)
        ? []
        : appended(
            tables,
            userId,
            userId === draft.sender_id ? "group_message_sent" : "group_message",
            message
          )
    )
  })
}

const earlierSend = ({ messages }: Tables, draft: Draft | GroupDraft) =>
  draft.client_id == null
    ? undefined
    : [...messages.values()].find(
        ({ senderId, clientId }) => senderId === draft.sender_id && clientId === draft.client_id
      )

/** Whether a message has the content of a repeated draft. A changed message is not compared: its first content is not stored. */
const hasContent = (message: MemoryMessage, draft: Draft | GroupDraft) =>
  message.version > 1 || message.content === draft.content

// All receivers of a reply may read the quoted message. So an edit of it reaches all who have the reply.
const mayQuote = (
  { messages }: Tables,
  { reply_to_id }: Draft | GroupDraft,
  conversation: MemoryConversation | undefined
) => {
  if (reply_to_id == null) return true
  const quoted = messages.get(reply_to_id)
  return (
    quoted !== undefined &&
    conversation !== undefined &&
    quoted.conversationId === conversation.id &&
    quoted.deletedAt === undefined &&
    memberIds(conversation).every((userId) => mayRead(conversation, userId, quoted.id))
  )
}

const insert = (
  tables: Tables,
  draft: Draft | GroupDraft,
  conversation: MemoryConversation,
  receiverId: UserId | undefined,
  now: string
): MemoryMessage => {
  const message: MemoryMessage = {
    id: nextMessageId(tables),
    senderId: draft.sender_id,
    receiverId,
    conversationId: conversation.id,
    clientId: draft.client_id ?? undefined,
    replyToId: draft.reply_to_id ?? undefined,
    timestamp: now,
    content: draft.content,
    metadata: draft.metadata ?? undefined,
    version: 1,
    editedAt: undefined,
    deletedAt: undefined,
    isErased: false,
    revision: tables.counters.revision,
    reactions: new Map()
  }
  tables.messages.set(message.id, message)
  return message
}

const appended = (
  tables: Tables,
  userId: UserId,
  type: Appended["type"],
  message: MemoryMessage
): Appended => ({ userId, type, seq: appendTo(tables, userId, type, message, undefined, message.timestamp) })

const SEND_TYPES: ReadonlyArray<string> = [
  "message",
  "message_sent",
  "group_message",
  "group_message_sent"
] satisfies ReadonlyArray<Appended["type"]>

const repeatOf = (tables: Tables, message: MemoryMessage, userIds: ReadonlyArray<UserId>): Answer => {
  const { replyToId } = message
  const isWithheld =
    replyToId !== undefined &&
    !mayRead(tables.conversations.get(message.conversationId)!, message.senderId, replyToId)
  return Result.succeed({
    message: messageOfAuthor(tables, message),
    isRepeat: true,
    // The events hold the quoted content: they are not published again from a message without it.
    appended: (isWithheld ? [] : userIds).flatMap((userId) =>
      (tables.inboxes.get(userId)?.events ?? [])
        .filter(({ messageId, type }) => messageId === message.id && SEND_TYPES.includes(type))
        .map(({ type, seq }) => ({ userId, type: type as Appended["type"], seq }))
    )
  })
}
