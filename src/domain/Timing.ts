import { Clock, Duration, Effect, Schedule } from "effect"

/**
 * The milliseconds since some moment in the past. It measures how long something lasts: unlike the time of day it goes on evenly when
 * somebody sets the machine's clock.
 */
export const monotonicMillis: Effect.Effect<number> = Effect.map(
  Clock.monotonicTimeNanos,
  (nanoseconds) => Number(nanoseconds) / 1e6
)

/**
 * Repeats at an interval, at those moments that are multiples of it: whatever is repeated so runs together. For what runs often: an idle
 * server is woken for all of it at once, which takes less processor time than a wake for each (bench/README.md, "What comments quote").
 * What is repeated runs at once, then after half an interval to one and a half, and from then on at each interval.
 */
export const atTicks = (interval: Duration.Duration): Schedule.Schedule<number> => {
  const millis = Duration.toMillis(interval)
  return Schedule.spaced(interval).pipe(
    Schedule.modifyDelay(() =>
      Effect.map(monotonicMillis, (now) => {
        const left = millis - (Math.floor(now) % millis)
        // A timer may fire a millisecond early: the moment that it was set for is not waited for again.
        return Duration.millis(left < millis / 2 ? left + millis : left)
      })
    )
  )
}
