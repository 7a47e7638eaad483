import { Deferred, Effect } from "effect"

/** Makes a warning that is logged once in the life of the process, as what it tells of repeats with each request. */
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
 * Runs an effect once at a time for all who ask meanwhile. It has a fiber of its own: who asked first may hang up while others wait
 * for the same answer.
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
