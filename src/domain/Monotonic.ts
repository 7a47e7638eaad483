import { Clock, Effect } from "effect"

/**
 * The milliseconds since some moment in the past. It measures how long something lasts: unlike the time of day it goes on evenly when
 * somebody sets the machine's clock.
 */
export const monotonicMillis: Effect.Effect<number> = Effect.map(
  Clock.monotonicTimeNanos,
  (nanoseconds) => Number(nanoseconds) / 1e6
)
