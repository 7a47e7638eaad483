import { Context, Deferred, Effect, Layer } from "effect"

/** Whether this node takes new work. It stops when the node begins to drain, and never takes any again. */
export class Lifecycle extends Context.Service<
  Lifecycle,
  {
    /** Begins to drain. */
    readonly drain: Effect.Effect<void>
    isDraining(): boolean
    /** Waits until the node begins to drain. */
    readonly drains: Effect.Effect<void>
  }
>()("minichat/Lifecycle") {
  static readonly layer = Layer.sync(Lifecycle, () => {
    const began = Deferred.makeUnsafe<void>()
    return Lifecycle.of({
      drain: Effect.asVoid(Deferred.succeed(began, undefined)),
      isDraining: () => Deferred.isDoneUnsafe(began),
      drains: Deferred.await(began)
    })
  })
}
