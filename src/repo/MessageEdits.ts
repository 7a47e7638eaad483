import type { NotMember } from "../domain/ConversationErrors.ts"
import type { MessageId, MessageNotFound } from "../domain/Message.ts"
import type { Metadata } from "../domain/Metadata.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import type { UserId } from "../domain/User.ts"

/** An edit of a message. */
export interface Edit {
  readonly by: UserId
  readonly messageId: MessageId
  readonly content: string
  /** The version that the editor knows; `undefined` edits whatever the message is now. */
  readonly version: number | undefined
  /** `undefined` leaves the metadata, `null` removes it. */
  readonly metadata: Metadata | null | undefined
}

/** Why a member's call on a message fails. */
export type MessageDenied = MessageNotFound | NotMember | Unavailable
