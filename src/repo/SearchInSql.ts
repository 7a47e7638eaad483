import { Effect } from "effect"
import { Database } from "../database/Database.ts"
import { int4, int8 } from "../database/SqlParameters.ts"
import { ConversationNotFound, NotMember } from "../domain/ConversationErrors.ts"
import type { SearchPage, SearchQuery } from "../domain/Search.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import { MAX_USER_ID } from "../domain/User.ts"
import { messageColumnsFor, NO_MESSAGE } from "./MessageColumns.ts"
import { pageOf } from "./PageOf.ts"
import { type MessageRow, toMessage } from "./Rows.ts"
import { SearchBounds } from "./SearchBounds.ts"

type Row = (MessageRow & { readonly status: null; readonly next: null }) | EndRow

/** Why the search was refused, or where it ended. */
interface EndRow {
  readonly id: null
  readonly status: "not_member" | "conversation_not_found" | null
  readonly next: number | null
}

/** The SQL layer of `SearchRepo`. The function `search_messages` says how it works. */
export const make = Effect.gen(function* () {
  const { searches: sql, orUnavailable } = yield* Database
  const { lookThrough, patience } = yield* SearchBounds

  // One more than the page is read: it means that there is a next page.
  const rows = ({ userId, text, conversationId, beforeId, limit }: SearchQuery) => sql<Row>`
    WITH found AS MATERIALIZED (
      SELECT f.status, f.id AS found_id, f.next FROM search_messages(
        ${int4(userId)}, ${text}, nullif(${int8(conversationId ?? 0)}, 0),
        ${int8(beforeId ?? Number.MAX_SAFE_INTEGER)}, ${int4(limit + 1)}, ${int4(lookThrough)}, ${int4(patience)}
      ) f
    )
    SELECT f.status, f.next, ${sql.literal(NO_MESSAGE)} FROM found f WHERE f.found_id IS NULL
    UNION ALL
    SELECT NULL, NULL, ${messageColumnsFor(sql, userId)}
    FROM found f JOIN messages m ON m.id = f.found_id`

  const search = Effect.fn("SearchRepo.search")(function* (
    query: SearchQuery
  ): Effect.fn.Return<SearchPage, ConversationNotFound | NotMember | Unavailable> {
    const { userId, conversationId, limit } = query
    if (userId > MAX_USER_ID) {
      return conversationId === undefined ? { messages: [], next: undefined } : yield* new NotMember()
    }
    const found = yield* orUnavailable(rows(query))
    const end = found.find((row): row is EndRow => row.id === null)
    if (end?.status === "conversation_not_found") return yield* new ConversationNotFound()
    if (end?.status === "not_member") return yield* new NotMember()
    const messages = found
      .flatMap((row) => (row.id === null ? [] : toMessage(row)))
      .sort((a, b) => b.id - a.id)
    const { page, next } = pageOf(messages, limit, ({ id }) => id)
    return { messages: page, next: next ?? ((end?.next ?? undefined) as SearchPage["next"]) }
  })

  return { search }
})
