import { Arbitrary, Effect, type Schema } from "effect"

/** Chance that is the same for the same seed. */
export interface Random {
  /** From 0 to below `n`, whole. */
  below(n: number): number
  chance(share: number): boolean
  pick<A>(items: ReadonlyArray<A>): A
  /** Values of a schema, without end. */
  valuesOf(schema: Schema.Constraint): () => unknown
}

/** How many values are made at a time. */
const BATCH = 500

/** How large they get, from batch to batch. */
const SIZES = [4, 30, 1, 12, 100]

/** Of the names that a schema could hold few are usernames: so many candidates are looked at, at most. */
const MAX_DISCARDS = 1_000_000

export const makeRandom = (seed: number): Random => {
  let state = seed >>> 0
  // mulberry32
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (n: number) => Math.floor(next() * n)

  const valuesOf = (schema: Schema.Constraint) => {
    const arbitrary = Arbitrary.schema(schema)
    let batch: ReadonlyArray<unknown> = []
    let taken = 0
    let batches = 0
    return () => {
      if (taken === batch.length) {
        const size = SIZES[batches++ % SIZES.length]!
        const options = { count: BATCH, size, seed: below(2 ** 31), maxDiscards: MAX_DISCARDS }
        batch = Effect.runSync(Arbitrary.sampleEffect(arbitrary, options))
        taken = 0
      }
      return batch[taken++]
    }
  }

  return {
    below,
    chance: (share) => next() < share,
    pick: (items) => items[below(items.length)]!,
    valuesOf
  }
}
