import { Cause, Duration, Effect, Exit, Fiber, Schedule } from "effect"

const TICK = Duration.seconds(1)

/** A database call in flight. */
interface Call {
  /** The tick at which it began. */
  readonly since: number
  giveUp: () => void
}

/** Gives up on calls that take too long. */
export interface Deadlines {
  /** Interrupts the effect and fails with `orElse` when it has not ended in time, or when something else interrupted it. */
  within<E2>(
    orElse: Effect.Effect<never, E2>
  ): <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | E2, R>
  /** The number of calls in flight. A call that was given up does not count, though its interruption may still be running. */
  underWay(): number
}

/**
 * Makes one time limit for each call, accurate to a second. One loop checks the calls, oldest first: a Set keeps the order in
 * which they began. `Effect.timeout` takes a timer and one more fiber for each call, a sixth of a read's processor time. The
 * loop ends with the scope.
 */
export const make = Effect.fnUntraced(function* (limit: Duration.Duration) {
  const ticks = Math.ceil(Duration.toMillis(limit) / Duration.toMillis(TICK))
  const waiting = new Set<Call>()
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
            // V8 replaces the table of a growing Set. A replaced table in the old generation keeps its calls, and through this
            // closure their requests, until a full collection: without the closure it keeps a small object only.
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
