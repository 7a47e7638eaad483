import { Effect, Schedule } from "effect"

/** Waits until a condition holds. The time that its test has is the limit. */
export const until = <E, R>(holds: Effect.Effect<boolean, E, R>) =>
  Effect.repeat(holds, { until: (it) => it, schedule: Schedule.spaced("10 millis") })
