import type { ConversationId } from "../domain/ConversationId.ts"
import type { Message, MessageId } from "../domain/Message.ts"
import type { UserId } from "../domain/User.ts"

/** Messages, and the head of the user's inbox when they were read; no head for a user that does not exist. */
export interface MessagesAt {
  readonly head: number | undefined
  readonly messages: ReadonlyArray<Message>
}

export interface HistoryQuery {
  readonly userId: UserId
  /** Only messages exchanged with this user. */
  readonly chatWith?: UserId | undefined
  /** Only messages with a smaller id. */
  readonly beforeId?: MessageId | undefined
  /** In place of `beforeId`, and with `chatWith`: only messages with a larger id, oldest first. */
  readonly afterId?: MessageId | undefined
  readonly skip: number
  readonly limit: number
}

/** A page of one conversation: after `afterId`, oldest first, or before `beforeId`, newest first. */
export interface ConversationQuery {
  readonly userId: UserId
  readonly conversationId: ConversationId
  readonly beforeId?: MessageId | undefined
  readonly afterId?: MessageId | undefined
  readonly skip: number
  readonly limit: number
}
