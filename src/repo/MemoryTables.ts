import { Context, Layer } from "effect"
import type { InboxEvent } from "../domain/Event.ts"
import type { Message } from "../domain/Message.ts"
import type { User } from "../domain/User.ts"

interface MemoryInbox {
  readonly events: Array<InboxEvent & { readonly createdAt: number }>
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
    readonly messages: Array<Message & { readonly clientId: string | null }>
    readonly inboxes: Map<number, MemoryInbox>
  }
>()("minichat/repo/MemoryTables") {
  static readonly layer = Layer.sync(MemoryTables, () =>
    MemoryTables.of({ users: [], messages: [], inboxes: new Map() })
  )
}
