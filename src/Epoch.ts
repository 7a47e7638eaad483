import { randomBytes } from "node:crypto"
import { Context, Effect, Layer, PubSub, type Scope } from "effect"
import type { Unavailable } from "./domain/Unavailable.ts"

/** The epoch of the memory layers of the repositories. */
export const MEMORY_EPOCH = "memory"

/** The key of the memory layers, for all nodes of a process. */
const MEMORY_KEY = randomBytes(32)

/** What this process knows of the history that its database has. */
export interface EpochState {
  current(): string
  observe(epoch: string): void
  readonly changes: Effect.Effect<PubSub.Subscription<void>, never, Scope.Scope>
}

/** Begins with the epoch that was read at the start. */
export const makeState = Effect.fnUntraced(function* (first: string) {
  const changed = yield* PubSub.sliding<void>({ capacity: 1 })
  let current = first
  const state: EpochState = {
    current: () => current,
    observe: (epoch) => {
      if (epoch === current) return
      current = epoch
      PubSub.publishUnsafe(changed, undefined)
    },
    changes: PubSub.subscribe(changed)
  }
  return state
})

/**
 * The name of the history of the database. A number of an inbox says something only together with it: a restored backup, or a
 * standby that lacked the last commits, gives out numbers a second time. It stands in greetings, pages of events, channels and
 * keys of Redis and entity tags.
 */
export class Epoch extends Context.Service<
  Epoch,
  EpochState & {
    /** The epoch that this process knows. Costs nothing; up to two seconds late. */
    current(): string
    /** What the nodes of the database sign their frames on Redis with: whoever cannot read the database does not know it. */
    busKey(): Uint8Array
    /** Takes in the epoch that a query answered with. Another one than the current is the new current one. */
    observe(epoch: string): void
    /**
     * Begins a new epoch, for all nodes, as the database does not have what it had: unless it changed since `seen`, by
     * another node perhaps.
     */
    renew(seen: string): Effect.Effect<void, Unavailable>
    /** Yields each time that the epoch changed. */
    readonly changes: Effect.Effect<PubSub.Subscription<void>, never, Scope.Scope>
  }
>()("minichat/Epoch") {
  /** Of the memory layers: their history begins with the process and ends with it. */
  static readonly layerMemory = Layer.effect(
    Epoch,
    Effect.map(makeState(MEMORY_EPOCH), (state) =>
      Epoch.of({ ...state, busKey: () => MEMORY_KEY, renew: () => Effect.void })
    )
  )
}
