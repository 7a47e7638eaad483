import { Duration, Effect } from "effect"
import type { Redis as IORedis } from "ioredis"
import { atTicks } from "../domain/Timing.ts"
import { Epoch } from "../Epoch.ts"
import { Redis } from "./Redis.ts"

/** For how long a node that found itself alone takes itself for alone, in milliseconds. */
export const ALONE_FOR = 200

/** How often a node that is not alone asks whether it is now. */
const ASKED_EVERY = Duration.seconds(1)

/** Whether any other node subscribes to users, as Redis was asked last, until the scope closes. */
export const makeAlone = Effect.fnUntraced(function* (
  areOthers: (redis: IORedis) => Promise<boolean>,
  canAsk: () => boolean
) {
  const { batched } = yield* Redis
  const epoch = yield* Epoch
  let wasAlone = true
  /** Until when, by `performance.now()`, no other node needs an event, and in which epoch. */
  let until = 0
  let inEpoch = ""

  const askSoon = batched(async (redis, asked: ReadonlyArray<void>) => {
    const [askedAt, askedIn] = [performance.now(), epoch.current()]
    wasAlone = !(await areOthers(redis))
    if (wasAlone) [until, inEpoch] = [askedAt + ALONE_FOR, askedIn]
    return asked.map(() => wasAlone)
  })
  /** Asks Redis. Fails when it refuses, or does not answer within 100 ms. */
  const ask = Effect.flatten(askSoon())

  // With other nodes it is not asked for each event whether they are gone.
  yield* Effect.suspend(() => (wasAlone || !canAsk() ? Effect.void : Effect.ignore(ask))).pipe(
    Effect.repeat(atTicks(ASKED_EVERY)),
    Effect.forkScoped
  )

  return {
    ask,
    /** Whether to ask before an event is published: no other node was found when it was asked last. */
    mayBe: () => wasAlone && canAsk(),
    /** Whether the last answer, that there is no other node, still holds. */
    isKnown: () => performance.now() < until && inEpoch === epoch.current(),
    /** Takes others for present until it is asked again. */
    doubt: () => {
      wasAlone = false
    }
  }
})
