import { Context, Deferred, Effect, Layer } from "effect"
import { monotonicMillis } from "./domain/Monotonic.ts"

/** How this node ends: it leaves first, when only `/readyz` changes, then it drains. Both are final. */
export class Lifecycle extends Context.Service<
  Lifecycle,
  {
    /**
     * Begins to leave: the node serves as before, and `/readyz` answers 503, so that balancers send it nothing more. Answers when the
     * first call began, in milliseconds of `monotonicMillis`.
     */
    readonly leave: Effect.Effect<number>
    /** Whether `/readyz` answers 503; also true while the node drains. */
    isLeaving(): boolean
    /** Begins to drain. */
    readonly drain: Effect.Effect<void>
    /** Whether new sockets are refused. */
    isDraining(): boolean
    /** Waits until the node begins to drain. */
    readonly drains: Effect.Effect<void>
  }
>()("minichat/Lifecycle") {
  static readonly layer = Layer.sync(Lifecycle, () => {
    const began = Deferred.makeUnsafe<void>()
    let leavingSince: number | undefined
    return Lifecycle.of({
      leave: Effect.map(monotonicMillis, (now) => {
        leavingSince ??= now
        return leavingSince
      }),
      isLeaving: () => leavingSince !== undefined || Deferred.isDoneUnsafe(began),
      drain: Effect.asVoid(Deferred.succeed(began, undefined)),
      isDraining: () => Deferred.isDoneUnsafe(began),
      drains: Deferred.await(began)
    })
  })
}
