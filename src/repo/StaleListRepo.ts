import { Context, Effect, Exit, Layer, Request, RequestResolver } from "effect"
import { Database } from "../database/Database.ts"
import { int4, int4Array, int8Array } from "../database/SqlParameters.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import { MAX_USER_ID, type UserId } from "../domain/User.ts"

/** That a user's recent list may lack a message. */
export interface StaleList {
  readonly userId: UserId
  /** Another one each time that the list is marked. */
  readonly mark: number
}

/**
 * Which users' recent lists in Redis may lack a message, because the node that committed it could not tell Redis.
 * It is written down where every node finds it, also when that node is gone.
 */
export class StaleListRepo extends Context.Service<
  StaleListRepo,
  {
    /**
     * Marks a user's list, again if it is marked already. Those of one moment share a statement. An id that no user
     * can have is not marked.
     */
    mark(userId: UserId): Effect.Effect<void, Unavailable>
    /** At most `limit` of the lists that are marked, in ascending order of their users, from those after `after`. */
    marked(after: number, limit: number): Effect.Effect<ReadonlyArray<StaleList>, Unavailable>
    /** Takes marks back. A list that was marked again meanwhile stays marked. */
    unmark(lists: ReadonlyArray<StaleList>): Effect.Effect<void, Unavailable>
  }
>()("minichat/repo/StaleListRepo") {
  static readonly layer = Layer.effect(
    StaleListRepo,
    Effect.gen(function* () {
      const { reads: sql, sends, pipelined, orUnavailable } = yield* Database

      // In ascending user id: two statements that mark the same lists cannot deadlock. One waits for the other, which
      // is for a connection that nothing else waits behind.
      const resolver = RequestResolver.make<Mark>(
        Effect.fnUntraced(function* (entries) {
          const userIds = new Set(entries.map(({ request }) => request.userId))
          yield* orUnavailable(
            sends`INSERT INTO stale_lists (user_id)
              SELECT unnest(${int4Array([...userIds].sort((a, b) => a - b))})
              ON CONFLICT (user_id) DO UPDATE SET mark = DEFAULT`
          )
          for (const entry of entries) entry.completeUnsafe(Exit.void)
        })
      ).pipe(RequestResolver.batchN(1000))

      const marked = (after: number, limit: number) =>
        pipelined(
          sql<StaleList>`SELECT user_id AS "userId", mark FROM stale_lists
            WHERE user_id > ${int4(after)} ORDER BY user_id LIMIT ${int4(limit)}`
        )

      // A list that is being marked at this moment is left to the next who looks.
      const unmark = (lists: ReadonlyArray<StaleList>) =>
        pipelined(
          sql`DELETE FROM stale_lists WHERE user_id IN (
            SELECT user_id FROM stale_lists
            WHERE user_id = ANY (${int4Array(lists.map(({ userId }) => userId))})
              AND mark = ANY (${int8Array(lists.map(({ mark }) => mark))})
            FOR UPDATE SKIP LOCKED)`
        ).pipe(Effect.asVoid)

      return StaleListRepo.of({
        mark: (userId) =>
          userId > MAX_USER_ID ? Effect.void : Effect.request(new Mark({ userId }), resolver),
        marked,
        unmark
      })
    })
  )

  static readonly layerMemory = Layer.sync(StaleListRepo, () => {
    const marks = new Map<UserId, number>()
    let last = 0
    return StaleListRepo.of({
      mark: (userId) => Effect.sync(() => void (userId > MAX_USER_ID || marks.set(userId, ++last))),
      marked: (after, limit) =>
        Effect.sync(() =>
          [...marks]
            .map(([userId, mark]) => ({ userId, mark }))
            .filter(({ userId }) => userId > after)
            .sort((a, b) => a.userId - b.userId)
            .slice(0, limit)
        ),
      unmark: (lists) =>
        Effect.sync(() => {
          for (const { userId, mark } of lists) if (marks.get(userId) === mark) marks.delete(userId)
        })
    })
  })
}

class Mark extends Request.TaggedClass("Mark")<{ readonly userId: UserId }, void, Unavailable> {}
