import { DateTime } from "effect"
import type { Conversation, HistoryAccess, Peer, Role } from "../domain/Conversation.ts"
import type { ConversationId } from "../domain/ConversationId.ts"
import type { Message, Quote } from "../domain/Message.ts"
import type { Metadata } from "../domain/Metadata.ts"
import type { ReactionCount } from "../domain/Reaction.ts"
import type { User } from "../domain/User.ts"

/**
 * Rows of this server's own statements, as the driver decodes them from PostgreSQL's binary format by the types of the columns.
 * No Schema decodes them again: it would take most of the time of a page of 50 messages (bench/README.md, "What comments quote").
 */

export interface UserRow {
  readonly id: number
  readonly username: string
  readonly display_name: string
  readonly created_at: Date
  readonly external_id: string | null
  readonly avatar_url: string | null
  readonly metadata: Metadata | null
}

export const toUser = (row: UserRow): User => ({
  id: row.id as User["id"],
  username: row.username,
  display_name: row.display_name,
  created_at: row.created_at.toISOString(),
  ...(row.external_id === null ? {} : { external_id: row.external_id }),
  ...(row.avatar_url === null ? {} : { avatar_url: row.avatar_url }),
  ...(row.metadata === null ? {} : { metadata: row.metadata })
})

/** The fields that most messages do not have. */
export interface MessageExtras {
  readonly version: number
  readonly edited_at: string | null
  readonly deleted_at: string | null
  readonly metadata: Metadata | null
  readonly quote: Quote | null
  readonly reactions?: ReadonlyArray<ReactionCount> | null
}

export interface MessageRow {
  readonly id: number
  readonly sender_id: number
  readonly sender_username: string
  readonly receiver_id: number | null
  readonly content: string
  readonly timestamp: Date
  readonly conversation_id: number
  /** Null for a message that has none of them. */
  readonly extras: MessageExtras | null
  /** Whether the content changed since the reader left the conversation. */
  readonly withheld?: boolean
  /** Whether the content of the quoted message changed since then. */
  readonly quote_withheld?: boolean
}

export const toMessage = (row: MessageRow): Message => {
  const message = row.receiver_id === null ? toGroupMessage(row) : toDirectMessage(row, row.receiver_id)
  if (row.withheld === true) return { ...message, content: "", withheld: true }
  return row.extras === null ? message : { ...message, ...extrasOf(row.extras, row.quote_withheld === true) }
}

// One literal for each kind: spreading fields that may be absent takes up to half as long again.

const toDirectMessage = (row: MessageRow, receiverId: number): Message => ({
  id: row.id as Message["id"],
  sender_id: row.sender_id as Message["sender_id"],
  sender_username: row.sender_username,
  receiver_id: receiverId as Message["sender_id"],
  content: row.content,
  timestamp: row.timestamp.toISOString(),
  conversation_id: row.conversation_id as ConversationId
})

const toGroupMessage = (row: MessageRow): Message => ({
  id: row.id as Message["id"],
  sender_id: row.sender_id as Message["sender_id"],
  sender_username: row.sender_username,
  content: row.content,
  timestamp: row.timestamp.toISOString(),
  conversation_id: row.conversation_id as ConversationId
})

/** The optional fields of a message, where they have a value. A deleted message has only the time of its deletion. */
const extrasOf = (
  { quote, metadata, version, edited_at, deleted_at, reactions }: MessageExtras,
  isQuoteWithheld: boolean
) =>
  deleted_at === null
    ? {
        ...(quote === null ? {} : { reply_to: isQuoteWithheld ? { ...quote, content: "" } : quote }),
        ...(metadata === null ? {} : { metadata }),
        ...(version === 1 ? {} : { version }),
        ...(edited_at === null ? {} : { edited_at: isoTime(edited_at) }),
        ...(reactions == null ? {} : { reactions })
      }
    : { deleted_at: isoTime(deleted_at) }

/** A time of JSON in UTC: the database writes it in the time zone of the connection. */
const isoTime = (json: string) => DateTime.formatIso(DateTime.makeUnsafe(json))

export interface ConversationRow {
  readonly shown_id: number
  readonly kind: "direct" | "group"
  readonly title: string | null
  readonly shown_metadata: Metadata | null
  readonly history: HistoryAccess
  readonly created_by: number | null
  readonly created_at: Date
  readonly member_count: number
  /** Null for who is no member. */
  readonly role: Role | null
  /** Null for a group. */
  readonly peer: (Omit<Peer, "avatar_url"> & { readonly avatar_url: string | null }) | null
}

export const toConversation = (row: ConversationRow): Conversation => ({
  id: row.shown_id as ConversationId,
  kind: row.kind,
  ...(row.title === null ? {} : { title: row.title }),
  ...(row.shown_metadata === null ? {} : { metadata: row.shown_metadata }),
  history: row.history,
  ...(row.created_by === null ? {} : { created_by: row.created_by as User["id"] }),
  created_at: row.created_at.toISOString(),
  ...(row.peer === null ? {} : { with: toPeer(row.peer) }),
  ...(row.role === null || row.kind === "direct" ? {} : { role: row.role }),
  member_count: row.member_count
})

const toPeer = ({ avatar_url, ...peer }: NonNullable<ConversationRow["peer"]>): Peer =>
  avatar_url === null ? peer : { ...peer, avatar_url }
