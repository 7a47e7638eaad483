import { type Duration, Effect, Schedule } from "effect"
import type { Refused, Unanswered } from "./Outgoing.ts"

/** How long a call without an answer is repeated: longer than a node takes to drain and start again. */
const PATIENCE = "60 seconds"

/**
 * Repeats what got no answer. Waits as long as the server asked for, else 100 ms, doubled each time up to 1 s. Ends after `patience`,
 * and at once when the server refused.
 */
export const untilAnswered = (patience: Duration.Input = PATIENCE) =>
  Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("1 second")]).pipe(
    Schedule.jittered,
    Schedule.setInputType<Refused | Unanswered>(),
    Schedule.modifyDelay(({ duration, input }) =>
      Effect.succeed(
        input._tag === "Unanswered" && input.retryAfterMillis > 0 ? input.retryAfterMillis : duration
      )
    ),
    Schedule.while(({ input }) => input._tag === "Unanswered"),
    Schedule.upTo({ duration: patience })
  )

/**
 * Asks the node at `first`, and the next one each time that there is no answer: a node that drains answers 503 or resets the connection,
 * and loses nothing by it.
 */
export const onAnyNode = <A>(
  urls: ReadonlyArray<string>,
  first: number,
  ask: (url: string) => Effect.Effect<A, Refused | Unanswered>
): Effect.Effect<A, Refused | Unanswered> =>
  Effect.suspend(() => {
    let node = first
    return Effect.suspend(() => ask(urls[node++ % urls.length]!)).pipe(Effect.retry(untilAnswered()))
  })
