import { Effect } from "effect"
import type { ValidationFailed } from "../api/Problems.ts"
import type { ConversationId } from "../domain/ConversationId.ts"
import type { MessageId } from "../domain/Message.ts"
import type { UserId } from "../domain/User.ts"
import type { ConversationQuery, HistoryQuery } from "../repo/MessageRepo.ts"
import { invalidField } from "./Permit.ts"

/** The query parameters of a history. */
interface Asked {
  readonly chat_with?: UserId
  readonly conversation_id?: ConversationId
  readonly before_id?: MessageId
  readonly after_id?: MessageId
  readonly skip: number
  readonly limit: number
}

/** A page of a user's history, or of one conversation. */
export type HistoryOf = HistoryQuery | ConversationQuery

const not = (name: string, message: string) => Effect.fail(invalidField(["query", name], message))

/** The page that a query asks for. Refuses parameters that contradict one another. */
export const historyOf = (
  userId: UserId,
  { chat_with, conversation_id, before_id, after_id, skip, limit }: Asked
): Effect.Effect<HistoryOf, ValidationFailed> => {
  if (chat_with !== undefined && conversation_id !== undefined)
    return not("chat_with", "must not be given together with conversation_id")
  if (after_id !== undefined && before_id !== undefined)
    return not("after_id", "must not be given together with before_id")
  const page = { userId, beforeId: before_id, afterId: after_id, skip, limit }
  if (conversation_id !== undefined) return Effect.succeed({ ...page, conversationId: conversation_id })
  if (after_id !== undefined && chat_with === undefined)
    return not("after_id", "must be given with conversation_id or chat_with")
  return Effect.succeed({ ...page, chatWith: chat_with })
}
