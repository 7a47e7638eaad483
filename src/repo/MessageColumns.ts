import type { PgClient } from "@effect/sql-pg"
import type { Statement } from "effect/sql"
import { int4 } from "../database/SqlParameters.ts"
import { QUOTE_LENGTH } from "../domain/Message.ts"
import type { UserId } from "../domain/User.ts"

// The fields that most messages do not have are one column, null for these messages: six columns take the database and the driver more time
// for a page of 50 plain messages (bench/README.md, "What comments quote").

const USERNAME = "(SELECT u.username FROM users u WHERE u.id = m.sender_id)"

/** The quoted message. The SQL functions of sends quote as much of it. */
const QUOTE = `CASE WHEN m.reply_to_id IS NOT NULL THEN (
    SELECT jsonb_build_object('id', q.id, 'sender_id', q.sender_id, 'content', left(q.content, ${QUOTE_LENGTH}))
    FROM messages q WHERE q.id = m.reply_to_id
  ) END`

/** Each edit increases the version, and so does a deletion. */
const HAS_EXTRAS = "m.version > 1 OR m.reply_to_id IS NOT NULL OR m.metadata IS NOT NULL"

const EXTRAS = `'version', m.version, 'edited_at', m.edited_at, 'deleted_at', m.deleted_at, 'metadata', m.metadata, 'quote', ${QUOTE}`

/** The columns that every message has, after its sender. */
const PLAIN = "m.receiver_id, m.content, m.timestamp, m.conversation_id"

/** The columns of a `MessageRow` from `messages m`, without the reactions. */
export const MESSAGE_COLUMNS = `m.id, m.sender_id, ${USERNAME} AS sender_username, ${PLAIN},
  CASE WHEN ${HAS_EXTRAS} THEN jsonb_build_object(${EXTRAS}) END AS extras`

/** Nulls in place of the columns of a `MessageRow`, for a row of a union that is no message. */
export const NO_MESSAGE = `NULL::bigint AS id, NULL::int AS sender_id, NULL::varchar AS sender_username,
  NULL::int AS receiver_id, NULL::varchar AS content, NULL::timestamptz AS timestamp, NULL::bigint AS conversation_id,
  NULL::jsonb AS extras`

/**
 * A message of `messages m` for its author, who may have left the conversation: whether the quoted content is withheld, as the author
 * may not read it now. The two users of a direct conversation always may.
 */
export const WITHHELD_FROM_AUTHOR = `m.receiver_id IS NULL AND m.reply_to_id IS NOT NULL
  AND may_read(m.sender_id, m.conversation_id, m.reply_to_id) IS NOT NULL AS quote_withheld`

/**
 * The columns of a `MessageRow` from `messages m`, with the reactions as a user sees them: the most frequent ones first, then by the code
 * points of the emoji, so that whoever follows the events can keep the same order. The user's own name is looked up once: of a
 * history page of 50, that saves half of the look-ups.
 */
export const messageColumnsFor = (sql: PgClient.PgClient, reader: UserId): Statement.Fragment => {
  const me = int4(reader)
  const username = sql`CASE m.sender_id WHEN ${me} THEN (SELECT u.username FROM users u WHERE u.id = ${me}) ELSE ${sql.literal(USERNAME)} END`
  const reactions = sql`CASE WHEN m.reacted THEN (
    SELECT jsonb_agg(jsonb_build_object('emoji', r.emoji, 'count', r.count, 'mine', r.mine) ORDER BY r.count DESC, r.emoji COLLATE "C")
    FROM (
      SELECT x.emoji, count(*) AS count, bool_or(x.user_id = ${me}) AS mine
      FROM reactions x WHERE x.message_id = m.id GROUP BY x.emoji
    ) r
  ) END`
  return sql`m.id, m.sender_id, ${username} AS sender_username, ${sql.literal(PLAIN)},
    CASE WHEN ${sql.literal(HAS_EXTRAS)} OR m.reacted THEN jsonb_build_object(${sql.literal(EXTRAS)}, 'reactions', ${reactions}) END AS extras`
}
