import { Context, Effect, Exit, Tracer } from "effect"
import type { Unavailable } from "../domain/Unavailable.ts"
import { MAX_USER_ID, type UserId } from "../domain/User.ts"

/** How many look-ups share a query, at most. */
const MAX_LOOK_UPS = 1000

interface LookUp<A> {
  readonly userId: UserId
  readonly resume: (exit: Exit.Exit<A | undefined, Unavailable>) => void
}

/**
 * Makes a look-up by user id. Look-ups in one turn of the event loop share a query. An id above the column's range finds nothing.
 * Queries run in `services`, with the span of a caller.
 *
 * A `RequestResolver` would do, but it reuses the Sets of its batches, and V8 keeps what was in a Set's former tables until a full
 * collection (bench/README.md, "What comments quote").
 */
export const lookUpsByUser = <A extends { readonly userId: UserId }>(
  services: Context.Context<never>,
  query: (userIds: ReadonlyArray<UserId>) => Effect.Effect<ReadonlyArray<A>, Unavailable>
) => {
  let collected: Array<LookUp<A>> = []

  const answer = (lookUps: ReadonlyArray<LookUp<A>>) => {
    const userIds = new Set(lookUps.map(({ userId }) => userId))
    return Effect.onExit(
      Effect.map(query([...userIds]), (rows) => new Map(rows.map((row) => [row.userId, row]))),
      (exit) =>
        Effect.sync(() => {
          for (const { userId, resume } of lookUps) resume(Exit.map(exit, (rows) => rows.get(userId)))
        })
    )
  }

  /** Begins a batch: its look-ups are those that are added until the fibers of this turn have run. */
  const begin = (span: Tracer.AnySpan | undefined) => {
    const lookUps: Array<LookUp<A>> = []
    const context = span === undefined ? services : Context.add(services, Tracer.ParentSpan, span)
    Effect.runForkWith(context)(
      Effect.andThen(
        Effect.yieldNow,
        Effect.suspend(() => {
          if (collected === lookUps) collected = []
          return answer(lookUps)
        })
      )
    )
    return lookUps
  }

  return (userId: UserId): Effect.Effect<A | undefined, Unavailable> =>
    userId > MAX_USER_ID
      ? Effect.undefined
      : Effect.withFiber<A | undefined, Unavailable>(({ cache: { span } }) =>
          Effect.callback((resume) => {
            if (collected.length === 0 || collected.length === MAX_LOOK_UPS) collected = begin(span)
            collected.push({ userId, resume })
          })
        )
}
