import { Effect } from "effect"
import { ConversationNotFound, NotMember } from "../domain/ConversationErrors.ts"
import type { SearchPage, SearchQuery } from "../domain/Search.ts"
import { MemoryTables } from "./MemoryTables.ts"
import { mayRead, messageSeenBy } from "./MemoryViews.ts"
import { pageOf } from "./PageOf.ts"
import { matcher } from "./SearchWords.ts"

/** The memory layer of `SearchRepo`. */
export const searchInMemory = Effect.map(MemoryTables, (tables) => {
  const { messages, conversations } = tables

  const found = ({ userId, text, conversationId, beforeId, limit }: SearchQuery): SearchPage => {
    const matches = matcher(text)
    if (matches === undefined) return { messages: [], next: undefined }
    const all = [...messages.values()]
      .reverse()
      .filter(
        (message) =>
          message.id < (beforeId ?? Number.POSITIVE_INFINITY) &&
          (conversationId === undefined || message.conversationId === conversationId) &&
          mayRead(conversations.get(message.conversationId)!, userId, message.id) &&
          matches(message.content)
      )
    const { page, next } = pageOf(all, limit, ({ id }) => id)
    return { messages: page.map((message) => messageSeenBy(tables, userId, message)), next }
  }

  const search = (query: SearchQuery) =>
    Effect.suspend((): Effect.Effect<SearchPage, ConversationNotFound | NotMember> => {
      const { userId, conversationId } = query
      if (conversationId !== undefined) {
        const conversation = conversations.get(conversationId)
        if (conversation === undefined) return Effect.fail(new ConversationNotFound())
        if (!conversation.members.has(userId)) return Effect.fail(new NotMember())
      }
      return Effect.succeed(found(query))
    })

  return { search }
})
