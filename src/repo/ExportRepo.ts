import { Context, Layer } from "effect"
import type { ExportCalls } from "./ExportCalls.ts"
import { exportsInMemory } from "./ExportsInMemory.ts"
import * as Exports from "./ExportsInSql.ts"
import { MemoryTables } from "./MemoryTables.ts"

export type { ReactionPlace } from "./ExportCalls.ts"

/** Reads the stored data of a user: see `ExportCalls`. */
export class ExportRepo extends Context.Service<ExportRepo, ExportCalls>()("minichat/repo/ExportRepo") {
  static readonly layer = Layer.effect(ExportRepo, Exports.make)

  static readonly layerMemory = Layer.effect(ExportRepo, exportsInMemory).pipe(
    Layer.provide(MemoryTables.layer)
  )
}
