import { Effect } from "effect"
import type { ExportCalls } from "./ExportCalls.ts"
import { MemoryTables } from "./MemoryTables.ts"
import { conversationSeenBy, messageOfAuthor } from "./MemoryViews.ts"

/** The memory layer of `ExportRepo`. */
export const exportsInMemory = Effect.map(
  MemoryTables,
  (tables): ExportCalls => ({
    conversations: (userId, after, limit) =>
      Effect.sync(() =>
        [...tables.conversations.values()]
          .flatMap((conversation) => {
            const member = conversation.id > (after ?? 0) ? conversation.members.get(userId) : undefined
            return member === undefined
              ? []
              : {
                  type: "conversation" as const,
                  conversation: conversationSeenBy(tables, userId, conversation),
                  joined_at: member.joinedAt,
                  last_read_id: member.lastReadId
                }
          })
          .slice(0, limit)
      ),
    messages: (userId, after, limit) =>
      Effect.sync(() =>
        [...tables.messages.values()]
          .filter(({ id, senderId }) => senderId === userId && id > (after ?? 0))
          .slice(0, limit)
          .map((message) => ({
            type: "message" as const,
            message: messageOfAuthor(tables, message),
            ...(message.clientId === undefined ? {} : { client_id: message.clientId })
          }))
      ),
    reactions: (userId, after, limit) =>
      Effect.sync(() =>
        [...tables.messages.values()]
          .flatMap(({ id, conversationId, reactions }) =>
            [...reactions]
              .filter(([, reactors]) => reactors.has(userId))
              .sort(([a], [b]) => (a < b ? -1 : 1))
              .map(([emoji, reactors]) => ({
                type: "reaction" as const,
                message_id: id,
                conversation_id: conversationId,
                emoji,
                created_at: reactors.get(userId)!
              }))
          )
          .filter(
            ({ message_id, emoji }) =>
              after === undefined ||
              message_id > after.messageId ||
              (message_id === after.messageId && emoji > after.emoji)
          )
          .slice(0, limit)
      ),
    blocks: (userId, after, limit) =>
      Effect.sync(() =>
        tables.blocks
          .filter((block) => block.userId === userId && block.blockedId > (after ?? 0))
          .sort((a, b) => a.blockedId - b.blockedId)
          .slice(0, limit)
          .map(({ blockedId, createdAt }) => ({
            type: "block" as const,
            user_id: blockedId,
            created_at: createdAt
          }))
      ),
    reports: (userId, after, limit) =>
      Effect.sync(() =>
        tables.reports
          .filter(({ id, reporterId }) => reporterId === userId && id > (after ?? 0))
          .slice(0, limit)
          .map(({ id, messageId, reason, createdAt }) => ({
            type: "report" as const,
            id,
            message_id: messageId,
            reason: reason ?? null,
            created_at: createdAt
          }))
      )
  })
)
