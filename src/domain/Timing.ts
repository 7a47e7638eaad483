import { Clock, Duration, Effect, type Scope } from "effect"

/**
 * The milliseconds since some moment in the past. It measures how long something lasts: unlike the time of day it goes on evenly when
 * somebody sets the machine's clock.
 */
export const monotonicMillis: Effect.Effect<number> = Effect.map(
  Clock.monotonicTimeNanos,
  (nanoseconds) => Number(nanoseconds) / 1e6
)

/**
 * Calls a function at an interval until the scope closes. For what runs many times a second: with fibers that
 * sleep in place of two such timers, an idle server takes a third more processor time (bench/README.md, "What comments quote"). The function must not throw. A test clock does not move it.
 */
export const every = (
  interval: Duration.Duration,
  call: () => void
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.asVoid(
    Effect.acquireRelease(
      Effect.sync(() => setInterval(call, Duration.toMillis(interval))),
      (timer) => Effect.sync(() => clearInterval(timer))
    )
  )
