import type { Effect } from "effect"
import type { ConversationEntry, Member } from "../../../src/domain/Conversation.ts"
import type { ConversationId } from "../../../src/domain/ConversationId.ts"
import type { Message, MessageId } from "../../../src/domain/Message.ts"
import type { UserId } from "../../../src/domain/User.ts"
import type { Operation, Outcome } from "./Operation.ts"

/** An event of an inbox, as a client parses it. */
export type Event = { readonly type: string; readonly seq: number } & Readonly<Record<string, unknown>>

/** A report of a message. */
export interface Reported {
  readonly message: MessageId
  readonly by: UserId | undefined
  readonly content: string
  readonly metadata: unknown
}

/** What the model test asks of a server: the operations, and what a client reads. Everything but a refusal is a defect. */
export interface Server {
  readonly perform: (operation: Operation) => Effect.Effect<Outcome>
  /** The conversation of a direct message that was just sent; `undefined` for who was erased since. */
  readonly conversationOf: (user: UserId, message: MessageId) => Effect.Effect<ConversationId | undefined>
  readonly list: (
    user: UserId,
    limit: number,
    before: number | undefined
  ) => Effect.Effect<{
    readonly conversations: ReadonlyArray<ConversationEntry>
    readonly next: number | null | undefined
  }>
  /** `undefined` for who is no member. */
  readonly find: (user: UserId, id: ConversationId) => Effect.Effect<ConversationEntry | undefined>
  /** Messages below an id, newest first; none for who is no member. */
  readonly messages: (
    user: UserId,
    id: ConversationId,
    before: MessageId | undefined,
    limit: number
  ) => Effect.Effect<ReadonlyArray<Message>>
  readonly members: (user: UserId, id: ConversationId) => Effect.Effect<ReadonlyArray<Member>>
  /** The ids of all messages that a search finds, newest first. */
  readonly search: (user: UserId, text: string) => Effect.Effect<ReadonlyArray<MessageId>>
  /** Whom a user has blocked. */
  readonly blocked: (user: UserId) => Effect.Effect<ReadonlyArray<UserId>>
  /** What users reported, and what the messages said then; `by` is absent once that user is erased. */
  readonly reports: Effect.Effect<ReadonlyArray<Reported>>
  readonly displayNameOf: (user: UserId) => Effect.Effect<string>
  /** The events after a number, in order. */
  readonly events: (user: UserId, after: number, limit: number) => Effect.Effect<ReadonlyArray<Event>>
}
