import { Cause, Duration, Effect, Exit, Fiber, Schedule } from "effect"

const TICK = Duration.seconds(1)

/** A call that nobody has answered yet. */
interface Waiting {
  readonly since: number
  giveUp: () => void
}

/** Gives up on calls that take too long. */
export interface Deadlines {
  /** Interrupts the effect, and goes on as `orElse` says, when it has not ended in time, or was interrupted by another. */
  within<E2>(
    orElse: Effect.Effect<never, E2>
  ): <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | E2, R>
  /** How many calls are under way. */
  underWay(): number
}

/**
 * One limit for all calls, kept to the second. One loop looks after them, oldest first: a timer and a second
 * fiber for each call, which is what `Effect.timeout` takes, were a sixth of what a read costs. Scoped.
 */
export const make = Effect.fnUntraced(function* (limit: Duration.Duration) {
  const ticks = Math.ceil(Duration.toMillis(limit) / Duration.toMillis(TICK))
  const waiting = new Set<Waiting>()
  let now = 0

  yield* Effect.sync(() => {
    now++
    for (const call of waiting) {
      if (now - call.since <= ticks) return
      waiting.delete(call)
      call.giveUp()
    }
  }).pipe(Effect.repeat(Schedule.spaced(TICK)), Effect.forkScoped)

  const deadlines: Deadlines = {
    within: (orElse) => (effect) =>
      Effect.contextWith((context) =>
        Effect.callback((resume) => {
          const fiber = Effect.runForkWith(context)(effect)
          const call = {
            since: now,
            giveUp: () => {
              fiber.interruptUnsafe()
              resume(orElse)
            }
          }
          waiting.add(call)
          fiber.addObserver((exit) => {
            waiting.delete(call)
            // A Set replaces its table every so many calls, and an old table that has moved to the old generation keeps the
            // calls that were in it until that is collected: they are not to keep their requests.
            call.giveUp = ignore
            // The driver interrupts the statements of a connection that it closes. Their caller was not interrupted.
            const isInterrupted = Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)
            resume(isInterrupted ? orElse : exit)
          })
          return Fiber.interrupt(fiber)
        })
      ),
    underWay: () => waiting.size
  }
  return deadlines
})

const ignore = () => {}
