import { Context, Layer } from "effect"
import type { EditCalls } from "./EditCalls.ts"
import { editsInMemory } from "./EditsInMemory.ts"
import * as Edits from "./EditsInSql.ts"
import { MemoryTables } from "./MemoryTables.ts"

export type { Edit, MessageDenied } from "./EditCalls.ts"

/** Changes of messages that were sent: see `EditCalls`. */
export class EditRepo extends Context.Service<EditRepo, EditCalls>()("minichat/repo/EditRepo") {
  static readonly layer = Layer.effect(EditRepo, Edits.make)

  static readonly layerMemory = Layer.effect(EditRepo, editsInMemory).pipe(Layer.provide(MemoryTables.layer))
}
