import { randomBytes } from "node:crypto"
import { Context, Effect, Layer, PubSub, type Scope } from "effect"
import type { Unavailable } from "./domain/Unavailable.ts"

/** The epoch of the memory layers of the repositories. */
export const MEMORY_EPOCH = "memory"

/** The key of the memory layers, for all nodes of a process. */
const MEMORY_KEY = randomBytes(32)

/** The state of `Epoch` in this process. */
export interface EpochState {
  current(): string
  observe(epoch: string): void
  readonly changes: Effect.Effect<PubSub.Subscription<void>, never, Scope.Scope>
}

/** Runs an effect after each change of the epoch, until the scope closes. */
export const afterEachChange = <R>(
  epoch: Pick<EpochState, "changes">,
  effect: Effect.Effect<unknown, never, R>
): Effect.Effect<void, never, R | Scope.Scope> =>
  Effect.flatMap(epoch.changes, (changes) =>
    PubSub.take(changes).pipe(Effect.andThen(effect), Effect.forever, Effect.forkScoped, Effect.asVoid)
  )

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
 * The epoch: the name of the history of the database. A number of an inbox is unique within its epoch only: a restored backup, or a
 * standby that lacked the last commits, assigns numbers a second time. `system` frames, pages of events, channels and keys of Redis
 * and entity tags have the epoch.
 */
export class Epoch extends Context.Service<
  Epoch,
  EpochState & {
    /** The epoch that this process knows: up to three seconds late. Reads a variable only. */
    current(): string
    /** The key by which the nodes of the database sign their payloads on Redis. Only the database holds it. */
    busKey(): Uint8Array
    /** Takes the epoch of a query's answer as the current one. */
    observe(epoch: string): void
    /**
     * Begins a new epoch, for all nodes, because the database lost commits. Does nothing when the epoch is no longer `seen`: another
     * node may have begun one.
     */
    renew(seen: string): Effect.Effect<void, Unavailable>
    /** Yields each time that the epoch changed. */
    readonly changes: Effect.Effect<PubSub.Subscription<void>, never, Scope.Scope>
  }
>()("minichat/Epoch") {
  /** For the memory layers, whose history begins and ends with the process. */
  static readonly layerMemory = Layer.effect(
    Epoch,
    Effect.map(makeState(MEMORY_EPOCH), (state) =>
      Epoch.of({ ...state, busKey: () => MEMORY_KEY, renew: () => Effect.void })
    )
  )
}
