import { Cause, type Context, Duration, Effect, Exit, Fiber } from "effect"
import { atTicks } from "../domain/Timing.ts"

const TICK = Duration.millis(500)

/** A statement that waits behind another one is asked a second time after this many ticks: in half a second to one second. */
const REPEATED_AFTER = 1

/** A database call in flight. */
interface Call {
  /** The tick at which it began. */
  readonly since: number
  giveUp: () => void
  /** Makes the same call again when that may help; the first answer counts. None when it may not be made twice, or was. */
  again: (() => void) | undefined
}

/** Gives up on calls that take too long. */
export interface Deadlines {
  /** Interrupts the effect and fails with `orElse` when it has not ended in time, or when something else interrupted it. */
  within<E2>(
    orElse: Effect.Effect<never, E2>
  ): <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | E2, R>
  /**
   * `within` for an effect that changes nothing: it is run a second time when it has no answer after half a second to one
   * second and `isBehind` says of its fiber that it waits for another statement. The first of both to end counts.
   */
  repeatable<E2>(
    orElse: Effect.Effect<never, E2>,
    isBehind: (fiber: Fiber.Fiber<unknown, unknown>) => boolean
  ): <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | E2, R>
  /** The number of calls in flight. A call that was given up does not count, though its interruption may still be running. */
  underWay(): number
}

/**
 * Makes one time limit for each call, accurate to half a second. One loop checks the calls, oldest first: a Set keeps the order in
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
      const age = now - call.since
      if (age <= REPEATED_AFTER) return
      if (age <= ticks) call.again?.()
      else {
        waiting.delete(call)
        call.giveUp()
      }
    }
  }).pipe(Effect.repeat(atTicks(TICK)), Effect.forkScoped)

  const call =
    <E2>(
      orElse: Effect.Effect<never, E2>,
      isBehind: ((fiber: Fiber.Fiber<unknown, unknown>) => boolean) | undefined
    ) =>
    <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | E2, R> =>
      Effect.contextWith((context: Context.Context<R>) =>
        Effect.callback<A, E | E2>((resume) => {
          const run = Effect.runForkWith(context)
          const first = run(effect)
          let second: Fiber.Fiber<A, E> | undefined
          const end = (exit: Exit.Exit<A, E>) => {
            // V8 replaces the table of a growing Set. A replaced table in the old generation keeps its calls, and through these
            // closures their requests, until a full collection: without the closures it keeps a small object only.
            self.giveUp = ignore
            self.again = undefined
            if (!waiting.delete(self)) return
            // The driver interrupts the statements of a connection that it closes. Their caller was not interrupted.
            const isInterrupted = Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)
            resume(isInterrupted ? orElse : exit)
            if (second === undefined) return
            first.interruptUnsafe()
            second.interruptUnsafe()
          }
          const self: Call = {
            since: now,
            giveUp: () => {
              first.interruptUnsafe()
              second?.interruptUnsafe()
              resume(orElse)
            },
            again:
              isBehind &&
              (() => {
                if (!isBehind(first)) return
                self.again = undefined
                second = run(effect)
                second.addObserver(end)
              })
          }
          waiting.add(self)
          first.addObserver(end)
          return Effect.suspend(() =>
            second === undefined ? Fiber.interrupt(first) : Fiber.interruptAll([first, second])
          )
        })
      )

  const deadlines: Deadlines = {
    within: (orElse) => call(orElse, undefined),
    repeatable: call,
    underWay: () => waiting.size
  }
  return deadlines
})

const ignore = () => {}
