import { Duration, Effect, Schedule } from "effect"

/** Waits until something is so, asking every 50 ms; dies, saying what it waited for, when `within` has passed. */
export const until = <E, R>(
  what: string,
  condition: Effect.Effect<boolean, E, R>,
  within: Duration.Input
): Effect.Effect<void, never, R> =>
  condition.pipe(
    Effect.orElseSucceed(() => false),
    Effect.repeat({ schedule: Schedule.spaced("50 millis"), until: (holds) => holds }),
    Effect.timeoutOrElse({
      duration: within,
      orElse: () =>
        Effect.die(new Error(`Waited ${Duration.format(Duration.fromInputUnsafe(within))} in vain: ${what}`))
    })
  )
