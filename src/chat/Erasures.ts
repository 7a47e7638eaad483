import { Context, Duration, Effect, Latch, Layer } from "effect"
import type { Erasure } from "../domain/Erasure.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import type { UserId, UserNotFound } from "../domain/User.ts"
import { Sessions } from "../presence/Sessions.ts"
import { ErasureRepo, STEP } from "../repo/ErasureRepo.ts"
import { committed } from "./Committed.ts"
import { RecentMessages } from "./RecentMessages.ts"

/** How often a node looks for erasures that another node ordered, or died over. */
const LOOK_EVERY = Duration.seconds(5)

/** How long it rests between two steps, so that sends to the same inboxes go in between. */
const REST = Duration.millis(20)

/** How many cached answers are deleted at a time. */
const PEERS = 100

/** Fails when Redis did not delete something: the erasure is then claimed again later. */
const deleted = (deletion: Effect.Effect<boolean>) =>
  Effect.flatMap(deletion, (isDeleted) =>
    isDeleted ? Effect.void : Effect.fail("Redis is unavailable, and holds cached answers")
  )

/**
 * Erases users in the background, on any node. An erasure that a node did not finish, as it was killed, is taken up
 * by another within 15 seconds.
 */
export class Erasures extends Context.Service<
  Erasures,
  {
    /**
     * Deletes a user, and has what it wrote erased; answers how far that is. `by` is who ordered it, for the log. Safe to
     * repeat: only the first order is logged.
     */
    order(userId: UserId, by: string): Effect.Effect<Erasure, UserNotFound | Unavailable>
  }
>()("minichat/chat/Erasures") {
  static readonly layer = Layer.effect(
    Erasures,
    Effect.gen(function* () {
      const repo = yield* ErasureRepo
      const recent = yield* RecentMessages
      const sessions = yield* Sessions
      const commit = yield* committed
      const ordered = Latch.makeUnsafe()

      const step = (userId: UserId) =>
        commit(
          Effect.map(repo.step(userId, STEP), ({ appended, isDone }) => ({
            value: Effect.succeed(isDone),
            appended
          }))
        ).pipe(Effect.map(({ value }) => value))

      /** Deletes the cached answers that hold what the user wrote: its own, and those of whom it wrote to. */
      const forget = Effect.fnUntraced(function* (userId: UserId) {
        yield* deleted(recent.forget([userId]))
        yield* deleted(sessions.forget(userId))
        for (let after = 0; ; ) {
          const peers = yield* repo.peers(userId, after, PEERS)
          yield* deleted(recent.forget(peers))
          if (peers.length < PEERS) return
          after = peers.at(-1)!
        }
      })

      const erase = Effect.fnUntraced(function* (userId: UserId) {
        yield* step(userId).pipe(
          Effect.tap((isDone) => (isDone ? Effect.void : Effect.sleep(REST))),
          Effect.repeat({ until: (isDone) => isDone })
        )
        yield* forget(userId)
        yield* repo.finish(userId)
        yield* Effect.logInfo(`User ${userId} is erased`)
      })

      const eraseNext = Effect.gen(function* () {
        const userId = yield* repo.claim
        if (userId !== undefined) yield* erase(userId)
        return userId !== undefined
      })

      yield* eraseNext.pipe(
        Effect.repeat({ while: (isMore) => isMore }),
        Effect.catchCause((cause) =>
          Effect.logWarning("An erasure stopped, and is taken up again in some seconds", cause)
        ),
        Effect.andThen(
          Effect.raceFirst(Effect.andThen(ordered.await, ordered.close), Effect.sleep(LOOK_EVERY))
        ),
        Effect.forever,
        Effect.forkScoped
      )

      return Erasures.of({
        order: Effect.fn("Erasures.order")(function* (userId, by) {
          const { erasure, isNew } = yield* repo.order(userId)
          if (isNew) yield* Effect.logInfo(`The erasure of user ${userId} is ordered by ${by}`)
          if (erasure.finished_at === null) yield* ordered.open
          return erasure
        })
      })
    })
  )
}
