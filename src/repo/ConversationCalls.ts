import type { Effect } from "effect"
import type { Suspended } from "../domain/Caller.ts"
import type {
  Conversation,
  ConversationEntry,
  HistoryAccess,
  Member,
  ReadState,
  Role
} from "../domain/Conversation.ts"
import type {
  ConversationNotFound,
  GroupFull,
  MembersNotFound,
  NotAGroup,
  NotMember,
  RoleForbids
} from "../domain/ConversationErrors.ts"
import type { ConversationId } from "../domain/ConversationId.ts"
import type { Change } from "../domain/Event.ts"
import type { Blocked, ClientIdConflict, MessageId, MessageNotFound } from "../domain/Message.ts"
import type { Metadata } from "../domain/Metadata.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import type { UserId, UserNotFound } from "../domain/User.ts"

/** A group to make. */
export interface NewGroup {
  readonly by: UserId
  readonly title: string
  /** The members beside the creator; repeated ids count once, and the creator's own is ignored. */
  readonly memberIds: ReadonlyArray<UserId>
  readonly history: HistoryAccess
  readonly metadata: Metadata | undefined
  /**
   * A repeated call with the same one is answered with the first group, also when one of its members was erased since or the maximum
   * was lowered. It conflicts with another history, and with another title or metadata unless the group was changed since. The first
   * members are not stored: other `memberIds` do not conflict.
   */
  readonly clientId: string | undefined
}

/** A change of a group: `undefined` leaves a field, `null` removes it. */
export interface GroupChange {
  readonly title?: string | undefined
  readonly metadata?: Metadata | null | undefined
}

/** The addressees of the messages of a conversation. They never change: for a group it is the group itself. */
export type Addressees =
  | { readonly kind: "direct"; readonly users: readonly [UserId, UserId] }
  | { readonly kind: "group" }

/** The failures of a member's call on a conversation. */
export type Denied = ConversationNotFound | NotMember | Unavailable

/** The failures of a member's change, also of what it has read: a suspended user makes none. */
export type ChangeDenied = Denied | Suspended

/**
 * Conversations, their members and the members' read marks.
 *
 * Guarantee: each change commits together with the events that report it. A repeated call changes nothing, has no events, and is
 * answered like the first one. Locks: conversations by ascending id, then heads of inboxes by ascending user id.
 */
export interface ConversationCalls {
  /**
   * Makes a group, owned by its creator. With an unknown member it makes no group. Fails with `NotMember` when the group of the
   * `clientId` is there, but its creator is no member any more.
   */
  createGroup(
    group: NewGroup,
    maximum: number
  ): Effect.Effect<
    Change<Conversation>,
    Suspended | UserNotFound | MembersNotFound | GroupFull | ClientIdConflict | NotMember | Unavailable
  >
  /** The direct conversation of two users; makes it when there is none, unless the other user has blocked this one. */
  createDirect(
    by: UserId,
    other: UserId
  ): Effect.Effect<Change<Conversation>, Suspended | UserNotFound | MembersNotFound | Blocked | Unavailable>
  /** A conversation as a member sees it. */
  find(userId: UserId, id: ConversationId): Effect.Effect<ConversationEntry, Denied>
  /** The number of a user's conversations, counted up to `atMost`. The cost of a list depends on it. */
  count(userId: UserId, atMost: number): Effect.Effect<number, Unavailable>
  /**
   * A user's conversations, newest activity first: at most `limit`, with an activity below `before`. `next` is the `before` of
   * the next page; `undefined` after the last.
   */
  list(
    userId: UserId,
    limit: number,
    before: number | undefined
  ): Effect.Effect<
    { readonly conversations: ReadonlyArray<ConversationEntry>; readonly next: number | undefined },
    UserNotFound | Unavailable
  >
  /** Changes title or metadata of a group. */
  update(
    by: UserId,
    id: ConversationId,
    change: GroupChange
  ): Effect.Effect<Change<Conversation>, ChangeDenied | RoleForbids | NotAGroup>
  /** Members by ascending user id, above `after`: at most `limit`. */
  members(
    userId: UserId,
    id: ConversationId,
    after: UserId | undefined,
    limit: number
  ): Effect.Effect<{ readonly members: ReadonlyArray<Member>; readonly next: UserId | undefined }, Denied>
  /**
   * Adds a member to a group, or changes its role; without a role a member keeps its own. When the owner makes a member the
   * owner, the former owner becomes an admin. The owner cannot give up its role in another way.
   */
  putMember(
    by: UserId,
    id: ConversationId,
    memberId: UserId,
    role: Role | undefined,
    maximum: number
  ): Effect.Effect<
    Change<Member, NotMember>,
    ChangeDenied | RoleForbids | NotAGroup | MembersNotFound | GroupFull
  >
  /**
   * Removes a member from a group, or lets it leave. When the owner leaves, the oldest admin, else the oldest member, becomes
   * the owner. For a user who is no member it succeeds without an event.
   */
  removeMember(
    by: UserId,
    id: ConversationId,
    memberId: UserId
  ): Effect.Effect<Change<void>, ChangeDenied | RoleForbids | NotAGroup>
  /**
   * Marks a conversation as read up to a message that the user may read. The mark never moves back. In a group, and in a direct
   * conversation whose other user has blocked the user, only the user's own inbox gets an event.
   */
  markRead(
    userId: UserId,
    id: ConversationId,
    messageId: MessageId
  ): Effect.Effect<Change<ReadState, NotMember>, ChangeDenied | MessageNotFound>
  /** The addressees of the messages of a conversation; `undefined` when there is no such conversation. */
  addressees(id: ConversationId): Effect.Effect<Addressees | undefined, Unavailable>
  /**
   * The other members of a conversation, for frames without number. Leaves out the other user of a direct one who has blocked the
   * user. Fails when the user is no member.
   */
  others(userId: UserId, id: ConversationId): Effect.Effect<ReadonlyArray<UserId>, Denied>
}
