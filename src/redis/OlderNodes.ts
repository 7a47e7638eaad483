import { Context, Duration, Effect, Layer } from "effect"
import { atTicks } from "../domain/Timing.ts"
import type { UserId } from "../domain/User.ts"
import * as Nodes from "./Nodes.ts"
import { Redis } from "./Redis.ts"

const LOOK_INTERVAL = Duration.seconds(5)

/**
 * Whether nodes of release 1.0 run beside this one, as during an upgrade. Such nodes answer recent lists from lists in Redis: this
 * node deletes the list of each receiver of a message. They know no epochs: this node also uses their channels and their keys of
 * sessions. To be removed with release 1.2.
 */
export const OlderNodes = Context.Reference<{
  /** Whether such a node runs; up to eight seconds late. */
  run(): boolean
  /** Deletes a user's list when a node of release 1.0 runs. Takes 100 ms at the most and never fails. */
  forgetRecentList(userId: UserId): Effect.Effect<void>
}>("minichat/redis/OlderNodes", {
  defaultValue: () => ({ run: () => false, forgetRecentList: () => Effect.void })
})

/** For nodes that share Redis. Looks for nodes of release 1.0 every five seconds. */
export const layer = Layer.effect(
  OlderNodes,
  Effect.gen(function* () {
    const { run, prefix } = yield* Redis
    let olderNodesRun = false

    // Only nodes of release 1.0 are members of this set.
    const look = Effect.gen(function* () {
      const members = yield* run((redis) => redis.smembers(Nodes.setOf(prefix)))
      const timesLeft = yield* run((redis) =>
        Promise.all(members.map((node) => redis.pttl(Nodes.keyOf(prefix, node))))
      )
      olderNodesRun = timesLeft.some(Nodes.isAlive)
    }).pipe(Effect.ignore)
    yield* look
    yield* Effect.forkScoped(Effect.repeat(look, atTicks(LOOK_INTERVAL)))

    return {
      run: () => olderNodesRun,
      forgetRecentList: (userId) =>
        Effect.suspend(() => {
          if (!olderNodesRun) return Effect.void
          const list = `${prefix}user:${userId}:recent_messages`
          return Effect.ignore(
            run(async (redis) => {
              await redis.del(list)
              await redis.del(`${prefix}{${list}}:json`)
            })
          )
        })
    }
  })
)
