import type { PgClient } from "@effect/sql-pg"
import { Effect } from "effect"
import { int8Array } from "../database/SqlParameters.ts"
import type { Draft, GroupDraft, Message, Quote } from "../domain/Message.ts"
import { MESSAGE_COLUMNS, WITHHELD_FROM_AUTHOR } from "./MessageColumns.ts"
import { type MessageRow, toMessage } from "./Rows.ts"

/** A message that a repeated send is answered with. */
interface Repeat {
  readonly message: Message
  /** Whether it lacks the quoted content. Its events hold that content: they are not published again from such a message. */
  readonly isWithheld: boolean
}

/** The messages of repeated sends, by id. */
export type Repeats = ReadonlyMap<number, Repeat>

const NONE: Repeats = new Map()

/**
 * Looks up the messages of repeated sends as they are now: they may be edited or deleted. Each is its sender's own, who may have left
 * the group: then the content that it quotes is withheld.
 */
export const withRepeats = <Row extends { readonly status: string; readonly id: number }>(
  sql: PgClient.PgClient,
  rows: ReadonlyArray<Row>
) => {
  const ids = rows.flatMap(({ status, id }) => (status === "repeat" ? [id] : []))
  if (ids.length === 0) return Effect.succeed({ rows, repeats: NONE })
  return Effect.map(
    sql<MessageRow>`SELECT ${sql.literal(MESSAGE_COLUMNS)}, ${sql.literal(WITHHELD_FROM_AUTHOR)}
      FROM messages m WHERE m.id = ANY (${int8Array(ids)})`,
    (found) => ({
      rows,
      repeats: new Map(
        found.map((row) => [row.id, { message: toMessage(row), isWithheld: row.quote_withheld === true }])
      ) as Repeats
    })
  )
}

interface SentRow {
  readonly id: number
  readonly sender_username: string
  readonly timestamp: Date
  readonly quote: Quote | null
  readonly conversation_id?: number
}

/** The row of a message that was just sent: the fields of its draft, and those that the database set. */
export const newRow = (draft: Draft | GroupDraft, row: SentRow): MessageRow => ({
  id: row.id,
  sender_id: draft.sender_id,
  sender_username: row.sender_username,
  receiver_id: "receiver_id" in draft ? draft.receiver_id : null,
  content: draft.content,
  timestamp: row.timestamp,
  conversation_id: "conversation_id" in draft ? draft.conversation_id : row.conversation_id!,
  extras:
    row.quote === null && draft.metadata == null
      ? null
      : { version: 1, edited_at: null, deleted_at: null, metadata: draft.metadata ?? null, quote: row.quote }
})
