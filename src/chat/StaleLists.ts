import { Duration, Effect, Schedule } from "effect"
import type { Unavailable } from "../domain/Unavailable.ts"
import { MAX_USER_ID, type UserId } from "../domain/User.ts"
import { Redis, type RedisError } from "../redis/Redis.ts"
import { StaleListRepo } from "../repo/StaleListRepo.ts"

/** How many lists are deleted at once. */
const DROP_CONCURRENCY = 100

/** How long a node rests between two looks for lists that are marked: about so long they may show what lacks a message. */
const MEND_INTERVAL = Duration.millis(250)

/** How many marked lists are read at once. */
const MEND_BATCH = 1000

/** How many lists a node remembers; past that it reads none until those that are marked are deleted. */
const SUSPECTS = 100_000

/** No outage has this number. */
const NEVER = -1

/**
 * Sees to the recent lists that may lack a message, because Redis did not confirm that it took it: they are marked in the
 * database, where every node looks for them and deletes them, until the scope closes.
 */
export const make = Effect.fnUntraced(function* (
  deleteList: (userId: UserId) => Effect.Effect<void, RedisError>
) {
  const { isUp, outages } = yield* Redis
  const repo = yield* StaleListRepo

  // As far as this node knows. Only a confirmed deletion takes a list off.
  const stale = new Map<UserId, object>()
  // Those among them that no other node can know of: the database was not told, or did not take it.
  const untold = new Set<UserId>()

  // Which outage it was after which all lists were deleted that were marked by then. A list from before the last
  // outage may lack what was committed during it.
  let mended = NEVER

  const remember = (userId: UserId, mark: object) => {
    if (stale.size < SUSPECTS || stale.has(userId)) stale.set(userId, mark)
    else mended = NEVER
  }

  // Both are away for long when this is full, and few of these are committed: what was under way when the database went.
  const suspect = (userId: UserId) => {
    if (userId > MAX_USER_ID) return
    remember(userId, {})
    if (stale.has(userId)) untold.add(userId)
  }

  const tell = (userId: UserId) =>
    Effect.suspend(() => {
      const mark = stale.get(userId)
      return Effect.matchCause(repo.mark(userId), {
        onSuccess: () => {
          // What was suspected meanwhile is told by whoever suspects it.
          if (stale.get(userId) !== mark) return
          untold.delete(userId)
          // After an outage no list is read before all that are marked are deleted: this one need not be remembered.
          if (!isUp()) stale.delete(userId)
        },
        // The next round of mending tells it again.
        onFailure: () => {}
      })
    })

  /** Deletes a list, which this node does not read meanwhile. Whether it is deleted for sure. */
  const drop = (userId: UserId) =>
    Effect.suspend(() => {
      const mark = stale.get(userId) ?? {}
      remember(userId, mark)
      return Effect.match(deleteList(userId), {
        onSuccess: () => {
          // What was suspected meanwhile is for a message that this deletion may have come too early for.
          if (stale.get(userId) === mark) {
            stale.delete(userId)
            untold.delete(userId)
          }
          return true
        },
        onFailure: () => false
      })
    })

  /** Deletes the lists that are marked, page by page; whether all of them are deleted. */
  const dropMarked = (after: number): Effect.Effect<boolean, Unavailable> =>
    Effect.gen(function* () {
      const lists = yield* repo.marked(after, MEND_BATCH)
      const dropped = yield* Effect.forEach(lists, ({ userId }) => drop(userId), {
        concurrency: DROP_CONCURRENCY
      })
      const deleted = lists.filter((_, i) => dropped[i])
      if (deleted.length > 0) yield* repo.unmark(deleted)
      const isRestDeleted = lists.length < MEND_BATCH || (yield* dropMarked(lists.at(-1)!.userId))
      return isRestDeleted && deleted.length === lists.length
    })

  let failed = false
  const mend = Effect.gen(function* () {
    const outage = outages()
    if (isUp()) yield* Effect.forEach([...stale.keys()], drop, { concurrency: DROP_CONCURRENCY })
    yield* Effect.forEach([...untold], tell, { concurrency: "unbounded", discard: true })
    if (isUp() && (yield* dropMarked(0))) mended = outage
    failed = false
  }).pipe(
    // While the database is away there is nobody to ask. It goes on when it is back.
    Effect.catchTag("Unavailable", () => Effect.void),
    Effect.catchCause((cause) =>
      Effect.suspend(() => {
        if (failed) return Effect.void
        failed = true
        return Effect.logWarning("Recent lists that may be stale could not be looked for", cause)
      })
    )
  )
  yield* mend
  yield* mend.pipe(Effect.repeat(Schedule.spaced(MEND_INTERVAL)), Effect.forkScoped)

  return {
    /** Whether any list may be read: Redis answers, and none is left of the time when it did not. */
    mayRead: () => isUp() && mended === outages(),
    /** Whether this list may lack a message. It is to be dropped, and not to be read. */
    has: (userId: UserId) => stale.has(userId),
    drop,
    /** Marks a list that may lack a message: for other nodes too, before it is over. */
    mark: (userId: UserId) =>
      Effect.suspend(() => {
        suspect(userId)
        return tell(userId)
      }),
    /**
     * Deletes a list that may lack a message; if Redis does not confirm it, in the next round of mending. Whether it
     * is deleted for sure.
     */
    forget: (userId: UserId) =>
      Effect.suspend(() => {
        suspect(userId)
        return drop(userId)
      })
  }
})
