import { Deferred, Effect } from "effect"

/** Makes a warning that is logged once in the life of the process, for a fault that repeats with each request. */
export const warnOnce = (): ((line: string) => Effect.Effect<void>) => {
  let isWarned = false
  return (line) =>
    Effect.suspend(() => {
      if (isWarned) return Effect.void
      isWarned = true
      return Effect.logWarning(line)
    })
}

/**
 * Shares runs of an effect: callers that come while it runs get the answer of that run. It runs in a fiber of its own, so that the
 * interruption of one caller does not end it for the others.
 */
export const shared = <A>(effect: Effect.Effect<A>): Effect.Effect<A> => {
  let running: Deferred.Deferred<A> | undefined
  return Effect.suspend(() => {
    if (running !== undefined) return Deferred.await(running)
    const begun = Deferred.makeUnsafe<A>()
    running = begun
    const run = Effect.map(Effect.exit(effect), (exit) => {
      running = undefined
      Deferred.doneUnsafe(begun, exit)
    })
    return Effect.andThen(Effect.forkDetach(run), Deferred.await(begun))
  })
}
