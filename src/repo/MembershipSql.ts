import type { PgClient } from "@effect/sql-pg"
import { int4, int8 } from "../database/SqlParameters.ts"
import type { ConversationId } from "../domain/ConversationId.ts"
import type { UserId } from "../domain/User.ts"

/** SQL for whether a user is a member of a conversation. */
export const isMember = (sql: PgClient.PgClient, userId: UserId, id: ConversationId) =>
  sql`EXISTS (SELECT FROM members WHERE conversation_id = ${int8(id)} AND user_id = ${int4(userId)})`

/** SQL for the id after which a member reads the messages of a conversation. */
export const beginsAfter = (sql: PgClient.PgClient, userId: UserId, id: ConversationId) =>
  sql`coalesce((
    SELECT b.joined_after FROM members b JOIN conversations c ON c.id = b.conversation_id AND c.history = 'joined'
    WHERE b.conversation_id = ${int8(id)} AND b.user_id = ${int4(userId)}
  ), 0)`
