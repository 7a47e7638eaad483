import { Effect, Schedule } from "effect"

const DEADLINE = "20 seconds"

/** Asks until the answer is as wanted, and answers it; dies with the last answer when it is not so in time. */
export const eventually = <A, E, R>(ask: Effect.Effect<A, E, R>, isWanted: (answer: A) => boolean) => {
  let last: A | undefined
  return Effect.tap(ask, (answer) => Effect.sync(() => (last = answer))).pipe(
    Effect.repeat({ until: isWanted, schedule: Schedule.spaced("10 millis") }),
    Effect.timeoutOrElse({
      duration: DEADLINE,
      orElse: () => Effect.die(new Error(`not in ${DEADLINE}; the last answer was ${JSON.stringify(last)}`))
    })
  )
}
