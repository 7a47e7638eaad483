import { Context, Layer } from "effect"
import type { ErasureCalls } from "./ErasureCalls.ts"
import { erasuresInMemory } from "./ErasuresInMemory.ts"
import * as Erasures from "./ErasuresInSql.ts"
import { MemoryTables } from "./MemoryTables.ts"

export { type ErasedUser, LEASE, STEP, type Step, type StepBounds } from "./ErasureCalls.ts"

/** Erases users: see `ErasureCalls`. */
export class ErasureRepo extends Context.Service<ErasureRepo, ErasureCalls>()("minichat/repo/ErasureRepo") {
  static readonly layer = Layer.effect(ErasureRepo, Erasures.make)

  static readonly layerMemory = Layer.effect(ErasureRepo, erasuresInMemory).pipe(
    Layer.provide(MemoryTables.layer)
  )
}
