import { Context, Effect, flow, Layer } from "effect"
import type { RoleForbids } from "../domain/ConversationErrors.ts"
import type { Change } from "../domain/Event.ts"
import type {
  Blocked,
  Message,
  MessageDeleted,
  MessageId,
  MessageNotFound,
  NotAuthor,
  TooManyReactions,
  VersionConflict
} from "../domain/Message.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import type { UserId } from "../domain/User.ts"
import { type Edit, EditRepo, type MessageDenied } from "../repo/EditRepo.ts"
import { type Counted, committed, valueOf } from "./Committed.ts"
import { RecentMessages } from "./RecentMessages.ts"

/**
 * Changes messages that were sent: commits each change with its events, then publishes these. Each call is safe to repeat. Answers
 * the message as the user sees it afterwards; for edits and reactions, which may follow without end, also how many inboxes got an
 * event.
 */
export class Edits extends Context.Service<
  Edits,
  {
    /** Edits a message of the user's own. */
    edit(
      edit: Edit
    ): Effect.Effect<Counted<Message>, MessageDenied | NotAuthor | Blocked | MessageDeleted | VersionConflict>
    /** Deletes a message of the user's own, or one of another member where the user's role in the group allows it. */
    remove(by: UserId, messageId: MessageId): Effect.Effect<Message, MessageDenied | RoleForbids>
    /** Deletes any message, for the application. */
    removeAny(messageId: MessageId): Effect.Effect<Message, MessageNotFound | Unavailable>
    /** Adds a reaction. */
    react(
      by: UserId,
      messageId: MessageId,
      emoji: string
    ): Effect.Effect<Counted<Message>, MessageDenied | Blocked | MessageDeleted | TooManyReactions>
    /** Takes a reaction back. */
    unreact(by: UserId, messageId: MessageId, emoji: string): Effect.Effect<Counted<Message>, MessageDenied>
  }
>()("minichat/chat/Edits") {
  static readonly layer = Layer.effect(
    Edits,
    Effect.gen(function* () {
      const repo = yield* EditRepo
      const recent = yield* RecentMessages
      const commit = yield* committed

      // A node of release 1.0 would answer the former content, and this release would keep it in Redis, though it answers it no more.
      const commitText = <E1, E2>(change: Effect.Effect<Change<Message, E1>, E2>) =>
        commit(change).pipe(
          Effect.tap(({ value: { receiver_id } }) =>
            receiver_id === undefined ? Effect.void : recent.forget([receiver_id])
          ),
          Effect.uninterruptible
        )

      return Edits.of({
        edit: flow(repo.edit, commitText),
        remove: flow(repo.remove, commitText, valueOf),
        removeAny: flow(repo.removeAny, commitText, valueOf),
        react: flow(repo.react, commit),
        unreact: flow(repo.unreact, commit)
      })
    })
  )
}
