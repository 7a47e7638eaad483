import { Clock, Duration, Effect, Schedule } from "effect"
import { Lifecycle } from "../Lifecycle.ts"
import type { LiveInbox } from "./LiveInbox.ts"

/** How often the waits are looked at for those that are over. */
const TICK = Duration.millis(250)

/** A wait for an event of one inbox. */
interface Wait {
  /** When it is over, by the clock. In milliseconds. */
  readonly until: number
  readonly end: () => void
}

/**
 * Makes the waits of long polls, which last until an event is committed, so many seconds have passed, at most a quarter of a second
 * more, or the node drains; at once when it drains already. All of them share one loop and one look-out for the drain:
 * `Effect.timeout` and a race with the drain took four fibers more for each poll, 7 KiB. The loop ends with the scope.
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
