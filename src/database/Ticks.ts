import { Duration, Effect } from "effect"

export interface Ticks {
  /** The ticks so far. */
  readonly now: () => number
  /** A statement begins. */
  readonly begin: () => void
  /** A statement ended. */
  readonly end: () => void
}

/**
 * Counts an interval. While statements are in flight a timer counts, so the time for which the process was itself held up counts as one
 * tick. An idle server is not woken for it: the time that passes meanwhile is read from the clock. Scoped.
 */
export const make = Effect.fnUntraced(function* (interval: Duration.Duration) {
  const millis = Duration.toMillis(interval)
  let count = 0
  let inFlight = 0
  let timer: NodeJS.Timeout | undefined
  let stoppedAt = performance.now()

  const now = () =>
    timer === undefined ? count + Math.floor((performance.now() - stoppedAt) / millis) : count
  const stop = () => {
    clearInterval(timer)
    timer = undefined
    stoppedAt = performance.now()
  }
  const tick = () => {
    count++
    if (inFlight === 0) stop()
  }
  yield* Effect.addFinalizer(() => Effect.sync(stop))

  return {
    now,
    begin: () => {
      inFlight++
      if (timer !== undefined) return
      count = now()
      timer = setInterval(tick, millis)
    },
    end: () => {
      inFlight--
    }
  } satisfies Ticks
})
