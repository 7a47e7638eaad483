import { Context, Layer } from "effect"
import type { Message, MessageId } from "../domain/Message.ts"
import type { User } from "../domain/User.ts"

/** A row of `inbox_events`. */
export interface MemoryEvent {
  readonly seq: number
  readonly type: string
  readonly messageId: MessageId | undefined
  readonly payload: unknown
  /** In milliseconds since 1970. */
  readonly createdAt: number
}

export interface MemoryInbox {
  readonly events: Array<MemoryEvent>
  lastSeq: number
  prunedSeq: number
}

/** What the memory layers of the repositories keep instead of PostgreSQL's tables. One instance serves all three. */
export class MemoryTables extends Context.Service<
  MemoryTables,
  {
    /** In id order: the user with id 1 is the first. */
    readonly users: Array<User>
    /** In id order: the message with id 1 is the first. */
    readonly messages: Array<Message & { readonly clientId: string | undefined }>
    readonly inboxes: Map<number, MemoryInbox>
  }
>()("minichat/repo/MemoryTables") {
  static readonly layer = Layer.sync(MemoryTables, () =>
    MemoryTables.of({ users: [], messages: [], inboxes: new Map() })
  )
}

/** Appends an event to an inbox, and answers its number. */
export const append = (inbox: MemoryInbox, event: Omit<MemoryEvent, "seq">): number => {
  inbox.events.push({ seq: ++inbox.lastSeq, ...event })
  return inbox.lastSeq
}
