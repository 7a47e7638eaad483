import { Clock, Duration, Effect, Schedule } from "effect"
import { Lifecycle } from "../Lifecycle.ts"
import type { LiveInbox } from "./LiveInbox.ts"

/** How often the waits are searched for those whose time has passed. */
const TICK = Duration.millis(250)

/** A wait for an event of one inbox. */
interface Wait {
  /** When its time has passed, by the clock. In milliseconds. */
  readonly until: number
  readonly end: () => void
}

/**
 * Makes the waits of long polls. A wait ends when an event is committed, when its seconds have passed (up to `TICK` later), or when
 * the node drains; at once on a node that drains already. All waits share one loop and one fiber that waits for the drain:
 * `Effect.timeout` and a race with the drain take four fibers more for each poll, 7 KiB (bench/README.md, "What comments quote"). The
 * loop ends with the scope.
 */
export const make = Effect.gen(function* () {
  const lifecycle = yield* Lifecycle
  const waits = new Set<Wait>()

  yield* lifecycle.drains.pipe(
    Effect.andThen(
      Effect.sync(() => {
        for (const { end } of waits) end()
      })
    ),
    Effect.forkScoped
  )
  yield* Effect.map(Clock.currentTimeMillis, (now) => {
    for (const { until, end } of waits) if (now >= until) end()
  }).pipe(Effect.repeat(Schedule.spaced(TICK)), Effect.forkScoped)

  /** Waits until the head of an inbox is beyond `seq`, and answers whether it is. */
  return (inbox: LiveInbox, seq: number, seconds: number): Effect.Effect<boolean> =>
    Effect.flatMap(Clock.currentTimeMillis, (now) =>
      Effect.callback<boolean>((resume) => {
        const leave = () => {
          unfollow()
          waits.delete(wait)
        }
        const end = () => {
          leave()
          resume(Effect.succeed(inbox.head > seq))
        }
        const wait: Wait = { until: now + seconds * 1000, end }
        const unfollow = inbox.follow(() => inbox.head > seq && end())
        waits.add(wait)
        if (inbox.head > seq || lifecycle.isDraining()) end()
        return Effect.sync(leave)
      })
    )
})
