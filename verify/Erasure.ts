import { Effect, Schedule } from "effect"
import { inWords } from "./Outgoing.ts"
import * as Progress from "./Progress.ts"
import { Rest } from "./Rest.ts"
import { onAnyNode } from "./Retry.ts"

/** How long to wait for the server, which erases in the background. */
const FINISHED_WITHIN = "60 seconds"

/** What became of users that were to be erased. */
export interface Erased {
  readonly finished: number
  /** Erasures that the server goes on with. */
  readonly underWay: number
  /** Why the others stay, in words; none when there are no others. */
  readonly refusal?: string
}

/** Erases users, and waits until that is finished. */
export const erase = Effect.fn("Erasure.erase")(function* (
  urls: ReadonlyArray<string>,
  userIds: ReadonlyArray<number>
) {
  const rest = yield* Rest
  const order = (userId: number, index: number) =>
    Effect.result(onAnyNode(urls, index, (url) => rest.erase(url, userId)))

  let outcomes = yield* Progress.forEach("Erasing users", userIds, order, 8)
  const isUnderWay = (outcome: (typeof outcomes)[number]) =>
    outcome._tag === "Success" && outcome.success === "under way"
  const look = Effect.gen(function* () {
    outcomes = yield* Effect.forEach(outcomes, (outcome, index) =>
      isUnderWay(outcome) ? order(userIds[index]!, index) : Effect.succeed(outcome)
    )
    return outcomes.some(isUnderWay)
  })
  yield* Effect.repeat(look, {
    schedule: Schedule.spaced("500 millis").pipe(Schedule.upTo({ duration: FINISHED_WITHIN })),
    while: (some) => some
  })

  const refused = outcomes.find((outcome) => outcome._tag === "Failure")
  const underWay = outcomes.filter(isUnderWay).length
  const erased: Erased = {
    finished: outcomes.filter((outcome) => outcome._tag === "Success").length - underWay,
    underWay,
    ...(refused !== undefined && { refusal: inWords(refused.failure) })
  }
  return erased
})
