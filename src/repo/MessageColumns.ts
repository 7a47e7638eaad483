import type { PgClient } from "@effect/sql-pg"
import type { Statement } from "effect/sql"
import { int4 } from "../database/SqlParameters.ts"
import { QUOTE_LENGTH } from "../domain/Message.ts"
import type { UserId } from "../domain/User.ts"

/** The columns of a `MessageRow` from `messages m`, without the reactions. The SQL functions of sends quote as many. */
export const MESSAGE_COLUMNS = `m.id, m.sender_id, (SELECT u.username FROM users u WHERE u.id = m.sender_id) AS sender_username,
  m.receiver_id, m.content, m.timestamp, m.conversation_id, m.version, m.edited_at, m.deleted_at, m.metadata,
  CASE WHEN m.reply_to_id IS NOT NULL THEN (
    SELECT jsonb_build_object('id', q.id, 'sender_id', q.sender_id, 'content', left(q.content, ${QUOTE_LENGTH}))
    FROM messages q WHERE q.id = m.reply_to_id
  ) END AS quote`

/**
 * A message of `messages m` for its author, who may have left the conversation: whether the quoted content is withheld, as the author
 * may not read it now. The two users of a direct conversation always may.
 */
export const WITHHELD_FROM_AUTHOR = `m.receiver_id IS NULL AND m.reply_to_id IS NOT NULL
  AND may_read(m.sender_id, m.conversation_id, m.reply_to_id) IS NOT NULL AS quote_withheld`

/** Nulls in place of `MESSAGE_COLUMNS` and the reactions, for a row of a union that is no message. */
export const NO_MESSAGE = `NULL::bigint AS id, NULL::int AS sender_id, NULL::varchar AS sender_username,
  NULL::int AS receiver_id, NULL::varchar AS content, NULL::timestamptz AS timestamp, NULL::bigint AS conversation_id,
  NULL::int AS version, NULL::timestamptz AS edited_at, NULL::timestamptz AS deleted_at, NULL::jsonb AS metadata,
  NULL::jsonb AS quote, NULL::jsonb AS reactions`

/**
 * The reactions to `messages m` as a user sees them, in the order in which each emoji was first used. `reacted` is false for most
 * messages, and saves the look-up.
 */
export const reactionsFor = (sql: PgClient.PgClient, reader: UserId): Statement.Fragment =>
  sql`CASE WHEN m.reacted THEN (
    SELECT jsonb_agg(jsonb_build_object('emoji', r.emoji, 'count', r.count, 'mine', r.mine) ORDER BY r.first, r.emoji)
    FROM (
      SELECT x.emoji, count(*) AS count, bool_or(x.user_id = ${int4(reader)}) AS mine, min(x.created_at) AS first
      FROM reactions x WHERE x.message_id = m.id GROUP BY x.emoji
    ) r
  ) END AS reactions`
