import { Duration, Effect, Exit, Scope } from "effect"
import { atTicks, monotonicMillis } from "../domain/Timing.ts"
import type { UserId } from "../domain/User.ts"

/** How long a user counts as connected after a poll of it was answered: its client is about to ask again. */
const GRACE = Duration.seconds(2)

/** How often the scopes are searched for those whose time has passed. */
const TICK = Duration.millis(250)

/** How many users' scopes are kept at most. Beyond that number the oldest is closed early: its user counts as offline. */
const MAX_KEPT = 20_000

/** A scope in which the inbox of a user is open. */
interface Kept {
  /** When it is closed. In milliseconds of `monotonicMillis`. */
  readonly until: number
  readonly scope: Scope.Closeable
}

/**
 * Keeps a user's inbox open between two polls. Without this the user would count as offline while its client handles an answer: in
 * `delivered_via_websocket` of a message and in `offline_user_ids` of a webhook. All of them share one loop; all are closed with the
 * scope.
 */
export const make = Effect.gen(function* () {
  /** In the order in which they end. */
  const kept = new Map<UserId, Kept>()

  const end = (userId: UserId, { scope }: Kept) => {
    // A later poll may have put its scope there while another one was closed.
    if (kept.get(userId)?.scope === scope) kept.delete(userId)
    return Scope.close(scope, Exit.void)
  }

  yield* Effect.flatMap(monotonicMillis, (now) =>
    Effect.forEach(
      [...kept].filter(([, { until }]) => until <= now),
      ([userId, over]) => end(userId, over),
      { discard: true }
    )
  ).pipe(Effect.repeat(atTicks(TICK)), Effect.forkScoped)
  yield* Effect.addFinalizer(() =>
    Effect.forEach([...kept], ([userId, left]) => end(userId, left), { discard: true })
  )

  /** Closes a scope two seconds from now, at most half a second later; the one that is kept for the same user at once. */
  return (userId: UserId, scope: Scope.Closeable): Effect.Effect<void> =>
    Effect.gen(function* () {
      const now = yield* monotonicMillis
      const before = kept.get(userId)
      kept.delete(userId)
      kept.set(userId, { until: now + Duration.toMillis(GRACE), scope })
      if (before !== undefined) yield* Scope.close(before.scope, Exit.void)
      const [oldest] = kept.size > MAX_KEPT ? kept : []
      if (oldest !== undefined) yield* end(...oldest)
    })
})
