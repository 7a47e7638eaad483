import { Context, Layer } from "effect"
import type { ConversationCalls } from "./ConversationCalls.ts"
import { conversationsInMemory } from "./ConversationsInMemory.ts"
import * as Conversations from "./ConversationsInSql.ts"
import { MemoryTables } from "./MemoryTables.ts"

export type { Addressees, ChangeDenied, Denied, GroupChange, NewGroup } from "./ConversationCalls.ts"

/** Conversations, their members and the members' read marks: see `ConversationCalls`. */
export class ConversationRepo extends Context.Service<ConversationRepo, ConversationCalls>()(
  "minichat/repo/ConversationRepo"
) {
  static readonly layer = Layer.effect(ConversationRepo, Conversations.make)

  static readonly layerMemory = Layer.effect(ConversationRepo, conversationsInMemory).pipe(
    Layer.provide(MemoryTables.layer)
  )
}
