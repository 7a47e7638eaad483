import { Schema } from "effect"

/** The id of a conversation, direct or group. */
export const ConversationId = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))
  .annotate({ description: "The id of a conversation", format: "int64", examples: [3] })
  .pipe(Schema.brand("ConversationId"))
export type ConversationId = typeof ConversationId.Type
