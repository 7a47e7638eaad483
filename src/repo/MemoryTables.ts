import { Context, Effect, Layer } from "effect"
import { Suspended } from "../domain/Caller.ts"
import type { HistoryAccess, Role } from "../domain/Conversation.ts"
import { ConversationId } from "../domain/ConversationId.ts"
import { MessageId } from "../domain/Message.ts"
import type { Metadata } from "../domain/Metadata.ts"
import type { ReportedText } from "../domain/Moderation.ts"
import type { User, UserId } from "../domain/User.ts"
import type { Look } from "./Looks.ts"

/** A row of `inbox_events`. */
export interface MemoryEvent {
  readonly seq: number
  readonly type: string
  readonly messageId: MessageId | undefined
  readonly payload: unknown
  /** In milliseconds since 1970. */
  readonly createdAt: number
  /** The `revision` of the last change of any message before the event. */
  readonly revision: number
}

export interface MemoryInbox {
  readonly events: Array<MemoryEvent>
  lastSeq: number
  prunedSeq: number
}

/** A row of `messages`, with its reactions. */
export interface MemoryMessage {
  readonly id: MessageId
  readonly senderId: UserId
  readonly receiverId: UserId | undefined
  readonly conversationId: ConversationId
  clientId: string | undefined
  readonly replyToId: MessageId | undefined
  readonly timestamp: string
  content: string
  metadata: Metadata | undefined
  version: number
  editedAt: string | undefined
  deletedAt: string | undefined
  /** Whether it was erased with its author. */
  isErased: boolean
  /** The number of the last change of this message, among the changes of all messages. */
  revision: number
  /** By emoji: the users who reacted, and when. */
  readonly reactions: Map<string, Map<UserId, string>>
}

/** A row of `members`. */
export interface MemoryMember {
  readonly userId: UserId
  role: Role
  readonly joinedAt: string
  /** An id from the sequence of message ids: earlier messages have smaller ids than this, later ones larger ids. */
  readonly joinedAfter: number
  lastReadId: number
}

/** A row of `conversations`, with its members. */
export interface MemoryConversation {
  readonly id: ConversationId
  /** The users of a direct conversation, by ascending id; also erased ones, who are no members any more. */
  readonly users: readonly [UserId, UserId] | undefined
  readonly kind: "direct" | "group"
  readonly history: HistoryAccess
  readonly createdBy: UserId | undefined
  readonly createdAt: string
  clientId: string | undefined
  title: string | undefined
  metadata: Metadata | undefined
  /** Whether title or metadata changed since it was made. */
  isChanged: boolean
  readonly members: Map<UserId, MemoryMember>
}

/** A row of `erasures`. */
export interface MemoryErasure {
  readonly orderedAt: string
  readonly externalIdHash: string | undefined
  readonly wasSuspended: boolean
  finishedAt: string | undefined
  /** When the lease of its node ends. In milliseconds since 1970. */
  leasedUntil: number
}

/** A row of `blocks`. */
export interface MemoryBlock {
  readonly userId: UserId
  readonly blockedId: UserId
  readonly createdAt: string
  /** How far the blocked user had read the direct conversation when it was blocked. */
  readonly lastReadId: number
}

/** A row of `reports`. */
export interface MemoryReport {
  readonly id: number
  readonly messageId: MessageId
  /** None once that user is erased. */
  reporterId: UserId | undefined
  reason: string | undefined
  readonly createdAt: string
  readonly reported: ReportedText
}

/** The tables of the memory layers of the repositories. All of them share one instance. */
export class MemoryTables extends Context.Service<
  MemoryTables,
  {
    /** In id order: the user with id 1 is the first. */
    readonly users: Array<User>
    /** How the usernames look, by their skeletons. */
    readonly looks: Map<string, ReadonlyArray<Look>>
    /** By ascending id. Ids have gaps: those at which members joined. */
    readonly messages: Map<number, MemoryMessage>
    readonly conversations: Map<number, MemoryConversation>
    /** An erased user has none. */
    readonly inboxes: Map<number, MemoryInbox>
    readonly erasures: Map<UserId, MemoryErasure>
    readonly blocks: Array<MemoryBlock>
    readonly reports: Array<MemoryReport>
    /** Since when users are suspended. */
    readonly suspended: Map<UserId, string>
    readonly counters: { messageId: number; conversationId: number; revision: number; reportId: number }
  }
>()("minichat/repo/MemoryTables") {
  static readonly layer = Layer.sync(MemoryTables, () =>
    MemoryTables.of({
      users: [],
      looks: new Map(),
      messages: new Map(),
      conversations: new Map(),
      inboxes: new Map(),
      erasures: new Map(),
      blocks: [],
      reports: [],
      suspended: new Map(),
      counters: { messageId: 0, conversationId: 0, revision: 0, reportId: 0 }
    })
  )
}

/** The service, for functions that take it. */
export type Tables = MemoryTables["Service"]

export const nextMessageId = ({ counters }: Tables) => MessageId.make(++counters.messageId)

export const nextConversationId = ({ counters }: Tables) => ConversationId.make(++counters.conversationId)

/** The direct conversation of two users. */
export const directOf = ({ conversations }: Tables, a: UserId, b: UserId) =>
  [...conversations.values()].find(
    ({ users }) => users?.[0] === Math.min(a, b) && users[1] === Math.max(a, b)
  )

/** The block of one user by another. */
export const blockOf = ({ blocks }: Tables, by: UserId, other: UserId) =>
  blocks.find(({ userId, blockedId }) => userId === by && blockedId === other)

/** Makes a direct conversation. `place` is its activity in the lists of both users before its first message. */
export const makeDirect = (
  tables: Tables,
  users: readonly [UserId, UserId],
  createdBy: UserId | undefined,
  now: string,
  place: number
): MemoryConversation => {
  const member = (userId: UserId): [UserId, MemoryMember] => [
    userId,
    { userId, role: "member", joinedAt: now, joinedAfter: place, lastReadId: 0 }
  ]
  const made: MemoryConversation = {
    id: nextConversationId(tables),
    users: users[0] < users[1] ? users : [users[1], users[0]],
    kind: "direct",
    history: "all",
    createdBy,
    createdAt: now,
    clientId: undefined,
    title: undefined,
    metadata: undefined,
    isChanged: false,
    members: new Map(users.map(member))
  }
  tables.conversations.set(made.id, made)
  return made
}

/** Fails for a user that is suspended: it makes no change. */
export const refuseSuspended = ({ suspended }: Tables, userId: UserId): Effect.Effect<void, Suspended> =>
  Effect.suspend(() => (suspended.has(userId) ? Effect.fail(new Suspended()) : Effect.void))
