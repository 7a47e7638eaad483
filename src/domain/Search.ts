import type { ConversationId } from "./ConversationId.ts"
import type { Message, MessageId } from "./Message.ts"
import { trimmedText } from "./Text.ts"
import type { UserId } from "./User.ts"

/** The most code points of a search text. It bounds the number of words, and so the cost of a search. */
export const MAX_SEARCH_LENGTH = 200

/** The text of a search: trimmed, and then 1 to 200 code points. No character of it is an operator. */
export const SearchText = trimmedText(MAX_SEARCH_LENGTH, "sunday hik")

export interface SearchQuery {
  /** Who searches. */
  readonly userId: UserId
  /** A `SearchText`. */
  readonly text: string
  /** Only messages of this conversation. */
  readonly conversationId?: ConversationId | undefined
  /** Only messages with a smaller id. */
  readonly beforeId?: MessageId | undefined
  /** At least 1. */
  readonly limit: number
}

export interface SearchPage {
  /** Newest first. */
  readonly messages: ReadonlyArray<Message>
  /** The `beforeId` that goes on from here. None when nothing older is left to search. */
  readonly next: MessageId | undefined
}
