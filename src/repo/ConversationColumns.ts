import type { PgClient } from "@effect/sql-pg"
import type { Statement } from "effect/sql"
import { int4 } from "../database/SqlParameters.ts"
import type { UserId } from "../domain/User.ts"

/**
 * The columns of a `ConversationRow` from `conversations c` and the user's own membership `members b`. Events have the same from the
 * functions `conversation_json` and `peer_json`, each call of which is two statements: in a page of 50 they took half of the time.
 */
export const conversationColumns = (sql: PgClient.PgClient, userId: UserId): Statement.Fragment => sql`
  c.id AS shown_id, c.kind, c.title, c.metadata AS shown_metadata, c.history, c.created_by, c.created_at,
  (SELECT count(*)::int FROM members n WHERE n.conversation_id = c.id) AS member_count, b.role,
  CASE c.kind WHEN 'direct' THEN (
    SELECT jsonb_build_object(
      'user_id', u.id, 'username', u.username, 'display_name', u.display_name, 'avatar_url', u.avatar_url,
      'last_read_id', least(
        coalesce((SELECT p.last_read_id FROM members p WHERE p.conversation_id = c.id AND p.user_id = u.id), 0),
        (SELECT k.last_read_id FROM blocks k WHERE k.user_id = ${int4(userId)} AND k.blocked_id = u.id)
      )
    ) FROM users u WHERE u.id = CASE ${int4(userId)} WHEN c.low THEN c.high ELSE c.low END
  ) END AS peer`
