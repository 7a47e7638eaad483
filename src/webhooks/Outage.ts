import { Duration, Effect } from "effect"
import { monotonicMillis } from "../domain/Monotonic.ts"

/** An outage without a failure for this long is over with the next success. In milliseconds. */
const OVER_AFTER = Duration.toMillis(Duration.minutes(1))

/** Logs when a receiver begins to fail, with why, and when it takes events again: two lines, however many attempts fail. */
export const makeOutageLog = (location: string) => {
  let isFailing = false
  let failedAt = 0
  return {
    failed: (reason: string) =>
      Effect.flatMap(monotonicMillis, (now) => {
        failedAt = now
        if (isFailing) return Effect.void
        isFailing = true
        return Effect.logWarning(
          `Webhooks to ${location} fail: ${reason}. They are tried again for three days, and then kept as dead letters`
        )
      }),
    /** One conversation may fail while others succeed: the outage is over when nothing failed for a while. */
    succeeded: Effect.suspend(() =>
      isFailing
        ? Effect.flatMap(monotonicMillis, (now) => {
            if (now - failedAt < OVER_AFTER) return Effect.void
            isFailing = false
            return Effect.logInfo(`Webhooks to ${location} are delivered again`)
          })
        : Effect.void
    )
  }
}
