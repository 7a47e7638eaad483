import { Context, type Effect, Layer } from "effect"
import type { ConversationNotFound, NotMember } from "../domain/ConversationErrors.ts"
import type { SearchPage, SearchQuery } from "../domain/Search.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import { MemoryTables } from "./MemoryTables.ts"
import { searchInMemory } from "./SearchInMemory.ts"
import * as Search from "./SearchInSql.ts"

/** Finds messages by their words. */
export class SearchRepo extends Context.Service<
  SearchRepo,
  {
    /**
     * The newest messages that have all the words of a text in any order, the last word as a beginning. Words are compared as
     * `SearchWords` says. The user may read all that is found: it is a member now, and its history reaches as far back.
     *
     * Guarantees: a message is found as soon as its send or edit is acknowledged, and what was edited or deleted is not. What a
     * call costs is bounded; it may end before `limit` messages are found, with `next` for the rest. A text without any word
     * finds nothing. A user that does not exist reads nothing.
     */
    search(query: SearchQuery): Effect.Effect<SearchPage, ConversationNotFound | NotMember | Unavailable>
  }
>()("minichat/repo/SearchRepo") {
  static readonly layer = Layer.effect(SearchRepo, Search.make)

  static readonly layerMemory = Layer.effect(SearchRepo, searchInMemory).pipe(
    Layer.provide(MemoryTables.layer)
  )
}
