import type { Message } from "../domain/Message.ts"
import type { User } from "../domain/User.ts"

/**
 * Rows as the driver decodes them from PostgreSQL's binary format, by the columns' own types. They are our
 * own statements' answers from our own tables, so they are mapped and not decoded by Schema a second time:
 * a page of 50 messages would spend most of its time there.
 */

export interface UserRow {
  readonly id: number
  readonly username: string
  readonly display_name: string
  readonly created_at: Date
}

export const toUser = (row: UserRow): User => ({
  id: row.id as User["id"],
  username: row.username,
  display_name: row.display_name,
  created_at: row.created_at.toISOString()
})

export interface MessageRow {
  readonly id: number
  readonly sender_id: number
  readonly sender_username: string
  readonly receiver_id: number
  readonly content: string
  readonly timestamp: Date
}

export const toMessage = (row: MessageRow): Message => ({
  id: row.id as Message["id"],
  sender_id: row.sender_id as Message["sender_id"],
  sender_username: row.sender_username,
  receiver_id: row.receiver_id as Message["receiver_id"],
  content: row.content,
  timestamp: row.timestamp.toISOString()
})
