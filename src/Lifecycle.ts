import { Clock, Context, Deferred, Effect, Layer } from "effect"

/** How this node ends: it leaves first, which it only tells, and drains then. It never comes back from either. */
export class Lifecycle extends Context.Service<
  Lifecycle,
  {
    /**
     * Begins to leave: the node serves as before, and tells balancers to send nothing more. Answers since when it does, in
     * milliseconds of the clock: the first call counts.
     */
    readonly leave: Effect.Effect<number>
    /** Whether balancers are to send nothing more; also while the node drains. */
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
      leave: Effect.map(Clock.currentTimeMillis, (now) => {
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
