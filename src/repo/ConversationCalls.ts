import type { HistoryAccess } from "../domain/Conversation.ts"
import type { ConversationNotFound, NotMember } from "../domain/ConversationErrors.ts"
import type { Metadata } from "../domain/Metadata.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import type { UserId } from "../domain/User.ts"

/** A group to make. */
export interface NewGroup {
  readonly by: UserId
  readonly title: string
  /** The members beside the maker; repeated ids count once, and the maker's own is ignored. */
  readonly memberIds: ReadonlyArray<UserId>
  readonly history: HistoryAccess
  readonly metadata: Metadata | undefined
  /** A repeated call with the same one is answered with the first group. */
  readonly clientId: string | undefined
}

/** What may change of a group: `undefined` leaves it, `null` removes it. */
export interface GroupChange {
  readonly title?: string | undefined
  readonly metadata?: Metadata | null | undefined
}

/** To whom messages of a conversation go. It never changes. */
export type Addressees =
  | { readonly kind: "direct"; readonly users: readonly [UserId, UserId] }
  | { readonly kind: "group" }

/** Why a member's call on a conversation fails. */
export type Denied = ConversationNotFound | NotMember | Unavailable
