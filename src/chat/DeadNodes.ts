import { Duration, Effect, Layer, Schedule } from "effect"
import * as Nodes from "../bus/Nodes.ts"
import { Redis } from "../bus/Redis.ts"
import { InboxRepo } from "../repo/InboxRepo.ts"
import { RecentMessages } from "./RecentMessages.ts"

const EVERY = Duration.seconds(5)

/** From how long ago on a node that was found dead may have committed what it told nobody: since before its last beat. */
const UNTOLD_FOR = Duration.minutes(2)

/**
 * A node that dies between a commit and the push that follows leaves recent lists without that message. Whoever
 * finds it dead, within 35 s, drops the lists of all who received a message around that time.
 */
export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const { run, prefix } = yield* Redis
    const inboxes = yield* InboxRepo
    const recentMessages = yield* RecentMessages
    const nodes = Nodes.setOf(prefix)

    const bury = Effect.fnUntraced(function* (node: string) {
      const receivers = yield* inboxes.receivers(UNTOLD_FOR)
      yield* Effect.forEach(receivers, recentMessages.forget, { concurrency: 100, discard: true })
      yield* run((redis) => redis.srem(nodes, node))
    })

    const look = Effect.gen(function* () {
      const known = yield* run((redis) => redis.smembers(nodes))
      const timesLeft = yield* run((redis) =>
        Promise.all(known.map((node) => redis.pttl(Nodes.keyOf(prefix, node))))
      )
      const dead = known.filter((_, i) => !Nodes.isAlive(timesLeft[i]!))
      yield* Effect.forEach(dead, bury, { discard: true })
    })

    yield* Effect.ignore(look).pipe(Effect.repeat(Schedule.spaced(EVERY)), Effect.forkScoped)
  })
)
