import { Schema } from "effect"
import { HttpApiEndpoint, OpenApi } from "effect/http-api"
import { Message, MessageId } from "../domain/Message.ts"
import { SearchText } from "../domain/Search.ts"
import { ActingUser, conversationIdParam, limit, messageIdParam } from "./Parameters.ts"
import { ConversationNotFound, NotMember, ServiceUnavailable, TooManyRequests } from "./Problems.ts"

export const FoundMessages = Schema.Struct({
  messages: Schema.Array(Message).annotate({ description: "Newest first" }),
  next: Schema.NullOr(MessageId).annotate({
    description: "The `before_id` that goes on from here; null when nothing older is left to search"
  })
}).annotate({ identifier: "FoundMessages", description: "Messages that a search found" })

/** A search answers with at most 20 messages, unless `limit` says otherwise. */
export const SearchLimit = limit(20, 100)

/** The search of the group of messages. */
export const search = HttpApiEndpoint.get("search", "/search", {
  query: {
    user_id: ActingUser,
    q: SearchText.annotate({ description: "The words to find" }),
    conversation_id: Schema.optionalKey(
      conversationIdParam({ description: "Only messages of this conversation, direct or group" })
    ),
    before_id: Schema.optionalKey(messageIdParam({ description: "Only messages with an id below this one" })),
    limit: SearchLimit.schema
  },
  success: FoundMessages,
  error: [ConversationNotFound, NotMember, TooManyRequests, ServiceUnavailable]
}).annotateMerge(
  OpenApi.annotations({
    summary: "Search messages",
    description:
      "Messages that the user may read and that have all the words, in any order, newest first. The last word may be the beginning of one. " +
      "Case and accents make no difference. In scripts without spaces, as Chinese, Japanese and Thai, any part is found. " +
      "One call searches a bounded part of a large history: while `next` is a number there is more to search, also after a page with few messages or none."
  })
)
