import type { Message } from "../domain/Message.ts"
import type { User } from "../domain/User.ts"

/**
 * Rows of this server's own statements, as the driver decodes them from PostgreSQL's binary format by the types of the columns.
 * They are mapped without a Schema: the driver has decoded them, and a Schema would take most of the time of a page of 50 messages.
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
