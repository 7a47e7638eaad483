import { Context, Effect, Layer } from "effect"
import type { ReadState } from "../domain/Conversation.ts"
import type { ConversationId } from "../domain/ConversationId.ts"
import type { MessageId, MessageNotFound } from "../domain/Message.ts"
import type { UserId } from "../domain/User.ts"
import { EventPublisher } from "../inbox/EventPublisher.ts"
import { Passing } from "../inbox/Passing.ts"
import { ConversationRepo, type Denied } from "../repo/ConversationRepo.ts"
import { committed } from "./Committed.ts"
import { Drafts } from "./Drafts.ts"

/**
 * The most other members of a group that are told how far one of them has read. In a larger group each message would cause as
 * many frames as the square of its members; there `last_read_id` of the list of members says it.
 */
export const MAX_TOLD_OF_READS = 100

/** Marks conversations as read, and tells those whom it concerns. */
export class Reads extends Context.Service<
  Reads,
  {
    /**
     * Marks a conversation as read up to a message, then publishes the event for the user's own devices and for the other user of a
     * direct conversation. The other members of a group are told in passing, while they are at most `MAX_TOLD_OF_READS`.
     */
    mark(
      userId: UserId,
      conversationId: ConversationId,
      messageId: MessageId
    ): Effect.Effect<ReadState, Denied | MessageNotFound>
  }
>()("minichat/chat/Reads") {
  static readonly layer = Layer.effect(
    Reads,
    Effect.gen(function* () {
      const repo = yield* ConversationRepo
      const commit = committed(yield* EventPublisher)
      const passing = yield* Passing
      const drafts = yield* Drafts

      const tellGroup = Effect.fnUntraced(function* (
        userId: UserId,
        conversationId: ConversationId,
        messageId: MessageId
      ) {
        const { kind } = yield* drafts.addressees(conversationId)
        if (kind === "direct") return
        const others = yield* repo.others(userId, conversationId)
        if (others.length > MAX_TOLD_OF_READS) return
        yield* passing.send(others, {
          type: "read",
          conversation_id: conversationId,
          user_id: userId,
          message_id: messageId
        })
      })

      const mark: Reads["Service"]["mark"] = Effect.fn("Reads.mark")(
        function* (userId, conversationId, messageId) {
          const { value, inboxes } = yield* commit(repo.markRead(userId, conversationId, messageId))
          // The mark is committed: that the others could not be told changes nothing of the answer.
          if (inboxes > 0) yield* Effect.ignore(tellGroup(userId, conversationId, messageId))
          return value
        }
      )

      return Reads.of({ mark })
    })
  )
}
