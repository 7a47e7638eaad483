import type { UserId } from "../domain/User.ts"

/** How the channel of a user's events ends. */
export const CHANNEL_END = ":events"

/** The channel of a user among those that begin with `channelStart`. */
export const channelOf = ({
  channelStart,
  userId
}: {
  readonly channelStart: string
  readonly userId: UserId
}): string => `${channelStart}${userId}${CHANNEL_END}`

/** The names of the channels of this deployment, whose keys and channels begin with `prefix`. */
export const makeChannels = (prefix: string) => {
  const ofEpoch = (epoch: string) => `${prefix}${epoch}:`
  const startOf = (epoch: string) => `${ofEpoch(epoch)}user:`
  const olderStart = `${prefix}user:`
  return {
    startOf,
    /** The channel that tells how many nodes subscribe to channels of users. No event is published on it. */
    ofNodes: (epoch: string) => `${ofEpoch(epoch)}nodes`,
    of: (epoch: string, userId: UserId) => channelOf({ channelStart: startOf(epoch), userId }),
    /** How the channels of release 1.0 begin. */
    olderStart,
    olderOf: (userId: UserId) => channelOf({ channelStart: olderStart, userId })
  }
}
