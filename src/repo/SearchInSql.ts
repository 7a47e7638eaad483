import { Effect } from "effect"
import { Database } from "../database/Database.ts"
import { int4, int8 } from "../database/SqlParameters.ts"
import { ConversationNotFound, NotMember } from "../domain/ConversationErrors.ts"
import type { ConversationId } from "../domain/ConversationId.ts"
import type { SearchPage, SearchQuery } from "../domain/Search.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import { MAX_USER_ID, type UserId } from "../domain/User.ts"
import { isMember } from "./MembershipSql.ts"
import { MESSAGE_COLUMNS, reactionsFor } from "./MessageColumns.ts"
import { type MessageRow, toMessage } from "./Rows.ts"
import { matcher } from "./SearchWords.ts"

/** How many of a user's messages one call looks through. */
const LOOKED_THROUGH = 1000

/** The SQL layer of `SearchRepo`. */
export const make = Effect.map(Database, ({ pipeline: sql, inPipeline }) => {
  const checkMember = Effect.fnUntraced(function* (userId: UserId, id: ConversationId) {
    if (userId > MAX_USER_ID) return yield* new NotMember()
    const [row] = yield* sql<{ readonly isThere: boolean; readonly isMember: boolean }>`
      SELECT EXISTS (SELECT FROM conversations WHERE id = ${int8(id)}) AS "isThere",
        ${isMember(sql, userId, id)} AS "isMember"`.pipe(inPipeline)
    if (row?.isThere !== true) return yield* new ConversationNotFound()
    if (!row.isMember) return yield* new NotMember()
  })

  const readable = ({ userId, conversationId, beforeId }: SearchQuery) =>
    sql<MessageRow>`
      SELECT ${sql.literal(MESSAGE_COLUMNS)}, ${reactionsFor(sql, userId)} FROM (
        SELECT x.* FROM members b
        JOIN conversations c ON c.id = b.conversation_id
        CROSS JOIN LATERAL (
          SELECT * FROM messages y
          WHERE y.conversation_id = c.id AND y.id < ${int8(beforeId ?? Number.MAX_SAFE_INTEGER)}
            AND y.id > CASE c.history WHEN 'joined' THEN b.joined_after ELSE 0 END
          ORDER BY y.id DESC LIMIT ${int4(LOOKED_THROUGH)}
        ) x
        WHERE b.user_id = ${int4(userId)} AND c.id = coalesce(nullif(${int8(conversationId ?? 0)}, 0), c.id)
        ORDER BY x.id DESC LIMIT ${int4(LOOKED_THROUGH)}
      ) m ORDER BY m.id DESC`.pipe(inPipeline)

  const search = Effect.fn("SearchRepo.search")(function* (
    query: SearchQuery
  ): Effect.fn.Return<SearchPage, ConversationNotFound | NotMember | Unavailable> {
    const { userId, text, conversationId, limit } = query
    if (conversationId !== undefined) yield* checkMember(userId, conversationId)
    const matches = matcher(text)
    if (matches === undefined || userId > MAX_USER_ID) return { messages: [], next: undefined }
    const rows = yield* readable(query)
    const found = rows.filter(({ content }) => matches(content))
    const last = found.length > limit ? found[limit - 1] : rows[LOOKED_THROUGH - 1]
    return {
      messages: found.slice(0, limit).map(toMessage),
      next: last?.id as SearchPage["next"]
    }
  })

  return { search }
})
