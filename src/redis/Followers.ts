import { Array, Effect } from "effect"
import type { Redis as IORedis } from "ioredis"
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

/** Its reply is the counts alone, where that of PUBSUB NUMSUB repeats the channels. */
const COUNT = `
local counts = {}
for i = 1, #ARGV do counts[i] = redis.call('PUBSUB', 'NUMSUB', ARGV[i])[2] end
return counts`

/** How many channels one script counts the subscribers of: Redis runs nothing else until a script has ended. */
const BATCH = 500

/** Counts the subscribers of channels, one after the other, in their order. */
export type CountSubscribers = (
  redis: IORedis,
  channels: ReadonlyArray<string>
) => Promise<ReadonlyArray<number>>

/** Redis forgets the subscriptions of a node that was killed. */
export const makeCountSubscribers = ({ script, sharded }: Redis["Service"]): CountSubscribers => {
  const countInCluster = script<number>(COUNT_IN_CLUSTER)
  const count = script<ReadonlyArray<number>>(COUNT)
  return async (redis, channels) =>
    sharded
      ? Promise.all(channels.map((channel) => countInCluster(redis, [channel], [])))
      : (await Promise.all(Array.chunksOf(channels, BATCH).map((some) => count(redis, [], some)))).flat()
}

/** Answers which inboxes a node has open, by the subscribers of the users' channels. */
export const makeFollowers = (
  { run }: Redis["Service"],
  countSubscribers: CountSubscribers,
  channelsOf: (userId: UserId) => ReadonlyArray<string>,
  isOwn: (channel: string) => boolean
) => {
  return (userIds: ReadonlyArray<UserId>): Effect.Effect<Followed> => {
    const channels = userIds.map(channelsOf)
    return run((redis) => countSubscribers(redis, channels.flat())).pipe(
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
