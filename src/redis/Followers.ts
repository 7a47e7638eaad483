import { Effect } from "effect"
import type { UserId } from "../domain/User.ts"
import type { Redis } from "./Redis.ts"

/** Which inboxes are followed, in the order in which they were asked for. */
export interface Followed {
  readonly followed: ReadonlyArray<boolean>
  /** False when only the followers of this node are known. */
  readonly isComplete: boolean
}

/** A script, because its key takes it to the server of the channel in a cluster. */
const COUNT_IN_CLUSTER = "return redis.call('PUBSUB', 'SHARDNUMSUB', KEYS[1])[2]"

/** How many channels one PUBSUB names. */
const BATCH = 500

/** Counts the subscribers of users' channels by PUBSUB NUMSUB. Redis forgets the subscriptions of a node that was killed. */
export const makeFollowers = (
  { run, script, sharded }: Redis["Service"],
  channelsOf: (userId: UserId) => ReadonlyArray<string>,
  isOwn: (channel: string) => boolean
) => {
  const countInCluster = script<number>(COUNT_IN_CLUSTER)
  const count = (channels: ReadonlyArray<string>) =>
    run<ReadonlyArray<number>>(async (redis) => {
      if (sharded) return Promise.all(channels.map((channel) => countInCluster(redis, [channel], [])))
      const replies: Array<Promise<Array<unknown>>> = []
      for (let i = 0; i < channels.length; i += BATCH) {
        replies.push(redis.pubsub("NUMSUB", ...channels.slice(i, i + BATCH)))
      }
      // Each reply is a flat list: channel, count, channel, count, …
      return (await Promise.all(replies)).flatMap((reply) => reply.filter((_, i) => i % 2 === 1).map(Number))
    })

  return (userIds: ReadonlyArray<UserId>): Effect.Effect<Followed> => {
    const channels = userIds.map(channelsOf)
    return count(channels.flat()).pipe(
      Effect.map((counts) => {
        const each = counts.values()
        return {
          followed: channels.map((own) => own.map(() => each.next().value! > 0).includes(true)),
          isComplete: true
        }
      }),
      Effect.catch(() =>
        Effect.sync(() => ({ followed: channels.map((own) => own.some(isOwn)), isComplete: false }))
      )
    )
  }
}
