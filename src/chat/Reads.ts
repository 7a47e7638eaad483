import { Context, Effect, Layer } from "effect"
import type { ReadState } from "../domain/Conversation.ts"
import type { ConversationId } from "../domain/ConversationId.ts"
import type { MessageId, MessageNotFound } from "../domain/Message.ts"
import type { UserId } from "../domain/User.ts"
import { Passing } from "../inbox/Passing.ts"
import { type ChangeDenied, ConversationRepo } from "../repo/ConversationRepo.ts"
import { committed } from "./Committed.ts"
import { Drafts } from "./Drafts.ts"

/**
 * In a group with more other members than this, no `read` frames are sent: each message would cause as many frames as the square of
 * the members. Clients read `last_read_id` in the list of members instead.
 */
export const MAX_READ_RECEIVERS = 100

/** Marks conversations as read, and publishes it to those who see it. */
export class Reads extends Context.Service<
  Reads,
  {
    /**
     * Marks a conversation as read up to a message, then publishes the event for the user's own devices and for the other user of a
     * direct conversation. Sends a frame without number to the other members of a group, up to `MAX_READ_RECEIVERS` of them.
     */
    mark(
      userId: UserId,
      conversationId: ConversationId,
      messageId: MessageId
    ): Effect.Effect<ReadState, ChangeDenied | MessageNotFound>
  }
>()("minichat/chat/Reads") {
  static readonly layer = Layer.effect(
    Reads,
    Effect.gen(function* () {
      const repo = yield* ConversationRepo
      const commit = yield* committed
      const passing = yield* Passing
      const drafts = yield* Drafts

      const sendToGroup = Effect.fnUntraced(function* (
        userId: UserId,
        conversationId: ConversationId,
        messageId: MessageId
      ) {
        const { kind } = yield* drafts.addressees(conversationId)
        if (kind === "direct") return
        const others = yield* repo.others(userId, conversationId)
        if (others.length > MAX_READ_RECEIVERS) return
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
          // The mark is committed, so a failure to send the frames is not answered.
          if (inboxes > 0) yield* Effect.ignore(sendToGroup(userId, conversationId, messageId))
          return value
        }
      )

      return Reads.of({ mark })
    })
  )
}
