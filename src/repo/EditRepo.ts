import { Context, type Effect, Layer } from "effect"
import type { RoleForbids } from "../domain/ConversationErrors.ts"
import type { Change } from "../domain/Event.ts"
import type {
  Message,
  MessageDeleted,
  MessageId,
  NotAuthor,
  TooManyReactions,
  VersionConflict
} from "../domain/Message.ts"
import type { UserId } from "../domain/User.ts"
import { editsInMemory } from "./EditsInMemory.ts"
import { MemoryTables } from "./MemoryTables.ts"
import type { Edit, MessageDenied } from "./MessageEdits.ts"

export type { Edit, MessageDenied } from "./MessageEdits.ts"

/**
 * Changes of messages that were sent. Each commits together with its events, in the inboxes of all members of the conversation.
 * A change that changes nothing has no events. The message of the answer is as the user sees it now.
 */
export class EditRepo extends Context.Service<
  EditRepo,
  {
    /** Edits a message. Only its author may. Makes the next version, unless nothing changes. */
    edit(
      edit: Edit
    ): Effect.Effect<Change<Message>, MessageDenied | NotAuthor | MessageDeleted | VersionConflict>
    /** Deletes the content, the metadata and the reactions of a message. Its author may, and who has the right in a group. */
    remove(by: UserId, messageId: MessageId): Effect.Effect<Change<Message>, MessageDenied | RoleForbids>
    /** Adds a reaction. */
    react(
      by: UserId,
      messageId: MessageId,
      emoji: string
    ): Effect.Effect<Change<Message>, MessageDenied | MessageDeleted | TooManyReactions>
    /** Takes a reaction back. */
    unreact(by: UserId, messageId: MessageId, emoji: string): Effect.Effect<Change<Message>, MessageDenied>
  }
>()("minichat/repo/EditRepo") {
  static readonly layerMemory = Layer.effect(EditRepo, editsInMemory).pipe(Layer.provide(MemoryTables.layer))
}
