import { Duration, Effect, Layer, Schedule } from "effect"
import * as Nodes from "../presence/Nodes.ts"
import { Redis } from "../redis/Redis.ts"
import { InboxRepo } from "../repo/InboxRepo.ts"
import { KEEP_FOR, RecentMessages } from "./RecentMessages.ts"

const EVERY = Duration.seconds(5)

/** How long before its last beat a node that died may have committed what it told nobody. */
const BEFORE_LAST_BEAT = Duration.minutes(1)

/**
 * A node that dies between a commit and the push that follows leaves recent lists without that message. Whoever
 * finds it dead, within 35 s, drops the lists of all who received a message since a minute before its last beat.
 */
export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const { run, prefix } = yield* Redis
    const inboxes = yield* InboxRepo
    const recentMessages = yield* RecentMessages
    const nodes = Nodes.setOf(prefix)

    const bury = Effect.fnUntraced(function* (node: string, sinceLastBeat: Duration.Duration) {
      // A list that is older than this is not kept any more.
      const within = Duration.min(sinceLastBeat, KEEP_FOR)
      const receivers = yield* inboxes.receivers(Duration.sum(within, BEFORE_LAST_BEAT))
      const dropped = yield* Effect.forEach(receivers, recentMessages.forget, { concurrency: 100 })
      if (dropped.every(Boolean)) yield* run((redis) => redis.srem(nodes, node))
    })

    const look = Effect.gen(function* () {
      const known = yield* run((redis) => redis.smembers(nodes))
      const timesLeft = yield* run((redis) =>
        Promise.all(known.map((node) => redis.pttl(Nodes.keyOf(prefix, node))))
      )
      const lastBeats = known.map((node, i) => ({ node, timeLeft: timesLeft[i]! }))
      const dead = lastBeats.filter(({ timeLeft }) => !Nodes.isAlive(timeLeft))
      yield* Effect.forEach(dead, ({ node, timeLeft }) => bury(node, Nodes.sinceLastHeartbeat(timeLeft)), {
        discard: true
      })
    })

    yield* Effect.ignore(look).pipe(Effect.repeat(Schedule.spaced(EVERY)), Effect.forkScoped)
  })
)
