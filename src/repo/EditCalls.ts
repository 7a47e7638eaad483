import type { Effect } from "effect"
import type { Suspended } from "../domain/Caller.ts"
import type { NotMember, RoleForbids } from "../domain/ConversationErrors.ts"
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
import type { Metadata } from "../domain/Metadata.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import type { UserId } from "../domain/User.ts"

/** An edit of a message. */
export interface Edit {
  readonly by: UserId
  readonly messageId: MessageId
  readonly content: string
  /** The version that the editor knows; `undefined` edits any version. */
  readonly version: number | undefined
  /** `undefined` leaves the metadata, `null` removes it. */
  readonly metadata: Metadata | null | undefined
}

/** The failures of a member's change of a message. */
export type MessageDenied = Suspended | MessageNotFound | NotMember | Unavailable

/**
 * Changes of messages that were sent. Each commits together with its events, in the inboxes of all members who may read the message.
 * A change that changes nothing has no events. After the suspension of a user its changes are refused.
 * The message of the answer is as the user sees it now.
 */
export interface EditCalls {
  /** Edits a message. Only its author may, unless its receiver has blocked the author. Makes the next version, unless nothing changes. */
  edit(
    edit: Edit
  ): Effect.Effect<Change<Message>, MessageDenied | NotAuthor | Blocked | MessageDeleted | VersionConflict>
  /** Deletes the content, the metadata and the reactions of a message. Its author may, and in a group the roles of `groupRights`. */
  remove(by: UserId, messageId: MessageId): Effect.Effect<Change<Message>, MessageDenied | RoleForbids>
  /** Deletes any message, for the application. No reaction is `mine` in the answer. */
  removeAny(messageId: MessageId): Effect.Effect<Change<Message>, MessageNotFound | Unavailable>
  /** Adds a reaction. In a direct conversation, not when the other user has blocked the user. */
  react(
    by: UserId,
    messageId: MessageId,
    emoji: string
  ): Effect.Effect<Change<Message>, MessageDenied | Blocked | MessageDeleted | TooManyReactions>
  /** Takes a reaction back. */
  unreact(by: UserId, messageId: MessageId, emoji: string): Effect.Effect<Change<Message>, MessageDenied>
}
