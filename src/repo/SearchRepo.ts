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
     * `SearchWords` says. All messages that are found are readable by the user now.
     *
     * Guarantees: a message is found as soon as its send or edit is acknowledged; its former content and deleted messages are not.
     * The cost of a call is bounded: it may end before `limit` messages are found, with `next` for the rest. A text without any
     * word, and a user that does not exist, find nothing.
     */
    search(query: SearchQuery): Effect.Effect<SearchPage, ConversationNotFound | NotMember | Unavailable>
  }
>()("minichat/repo/SearchRepo") {
  static readonly layer = Layer.effect(SearchRepo, Search.make)

  static readonly layerMemory = Layer.effect(SearchRepo, searchInMemory).pipe(
    Layer.provide(MemoryTables.layer)
  )
}
