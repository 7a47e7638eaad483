import { Effect } from "effect"
import { Database } from "../database/Database.ts"
import { int4, int8 } from "../database/SqlParameters.ts"
import type { ConversationId } from "../domain/ConversationId.ts"
import type { MessageId } from "../domain/Message.ts"
import type { UserId } from "../domain/User.ts"
import { conversationColumns } from "./ConversationColumns.ts"
import type { ExportCalls } from "./ExportCalls.ts"
import { MESSAGE_COLUMNS, WITHHELD_FROM_AUTHOR } from "./MessageColumns.ts"
import { type ConversationRow, type MessageRow, toConversation, toMessage } from "./Rows.ts"

interface MembershipRow extends ConversationRow {
  readonly joined_at: Date
  readonly last_read_id: number
}

interface ReactionRow {
  readonly message_id: MessageId
  readonly conversation_id: ConversationId
  readonly emoji: string
  readonly created_at: Date
}

interface ReportRow {
  readonly id: number
  readonly message_id: MessageId
  readonly reason: string | null
  readonly created_at: Date
}

const dated = <Row extends { readonly created_at: Date }>(row: Row) => ({
  ...row,
  created_at: row.created_at.toISOString()
})

/** Makes the queries of an export. Each page reads a range of an index, so it costs the same at any depth. */
export const make = Effect.gen(function* () {
  const { pipeline: sql, inPipeline } = yield* Database

  const conversations: ExportCalls["conversations"] = (userId, after, limit) =>
    sql<MembershipRow>`
      SELECT ${conversationColumns(sql, userId)}, b.joined_at, b.last_read_id
      FROM (
        SELECT * FROM members WHERE user_id = ${int4(userId)} AND conversation_id > ${int8(after ?? 0)}
        ORDER BY conversation_id LIMIT ${int4(limit)}
      ) b JOIN conversations c ON c.id = b.conversation_id ORDER BY c.id`.pipe(
      Effect.map((rows) =>
        rows.map((row) => ({
          type: "conversation" as const,
          conversation: toConversation(row),
          joined_at: row.joined_at.toISOString(),
          last_read_id: row.last_read_id
        }))
      ),
      inPipeline
    )

  const messages: ExportCalls["messages"] = (userId, after, limit) => {
    // Two partial indexes have the messages of a sender: those to users, and those to groups.
    const half = (kind: string) => sql`(
        SELECT * FROM messages WHERE sender_id = ${int4(userId)} AND ${sql.literal(kind)} AND id > ${int8(after ?? 0)}
        ORDER BY id LIMIT ${int4(limit)}
      )`
    return sql<MessageRow & { readonly client_id: string | null }>`
      SELECT ${sql.literal(MESSAGE_COLUMNS)}, m.client_id, ${sql.literal(WITHHELD_FROM_AUTHOR)}
      FROM (${half("receiver_id IS NOT NULL")} UNION ALL ${half("receiver_id IS NULL")}) m
      ORDER BY m.id LIMIT ${int4(limit)}`.pipe(
      Effect.map((rows) =>
        rows.map((row) => ({
          type: "message" as const,
          message: toMessage(row),
          ...(row.client_id === null ? {} : { client_id: row.client_id })
        }))
      ),
      inPipeline
    )
  }

  const reactions: ExportCalls["reactions"] = (userId, after, limit) =>
    sql<ReactionRow>`
      SELECT r.message_id, m.conversation_id, r.emoji, r.created_at
      FROM (
        SELECT * FROM reactions
        WHERE user_id = ${int4(userId)}
          AND (message_id, emoji COLLATE "C") > (${int8(after?.messageId ?? 0)}, ${after?.emoji ?? ""})
        ORDER BY message_id, emoji COLLATE "C" LIMIT ${int4(limit)}
      ) r JOIN messages m ON m.id = r.message_id ORDER BY r.message_id, r.emoji COLLATE "C"`.pipe(
      Effect.map((rows) => rows.map((row) => ({ type: "reaction" as const, ...dated(row) }))),
      inPipeline
    )

  const blocks: ExportCalls["blocks"] = (userId, after, limit) =>
    sql<{ readonly user_id: UserId; readonly created_at: Date }>`
      SELECT blocked_id AS user_id, created_at FROM blocks
      WHERE user_id = ${int4(userId)} AND blocked_id > ${int4(after ?? 0)} ORDER BY blocked_id LIMIT ${int4(limit)}`.pipe(
      Effect.map((rows) => rows.map((row) => ({ type: "block" as const, ...dated(row) }))),
      inPipeline
    )

  const reports: ExportCalls["reports"] = (userId, after, limit) =>
    sql<ReportRow>`
      SELECT id, message_id, reason, created_at FROM reports
      WHERE reporter_id = ${int4(userId)} AND id > ${int8(after ?? 0)} ORDER BY id LIMIT ${int4(limit)}`.pipe(
      Effect.map((rows) => rows.map((row) => ({ type: "report" as const, ...dated(row) }))),
      inPipeline
    )

  return { conversations, messages, reactions, blocks, reports } satisfies ExportCalls
})
