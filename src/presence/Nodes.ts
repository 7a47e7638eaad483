import { Duration } from "effect"

/** How long a node counts as alive after its last heartbeat. */
const LEASE = Duration.seconds(30)

/** How long Redis keeps a node's last heartbeat and a user's last time online. In milliseconds. */
export const REMEMBERED = Duration.toMillis(Duration.days(30))

/** The key that a node renews with each heartbeat. */
export const keyOf = (prefix: string, id: string): string => `${prefix}node:${id}`

/** The set of node ids: those that run, and those that died and were not removed yet. */
export const setOf = (prefix: string): string => `${prefix}nodes`

/**
 * Whether a node is alive, by the time to live of its key in milliseconds. Only the clock of Redis counts: nodes whose
 * clocks disagree agree on who is alive.
 */
export const isAlive = (timeToLive: number): boolean => timeToLive > REMEMBERED - Duration.toMillis(LEASE)

/** The time since a node's last heartbeat, by the time to live of its key in milliseconds; 30 days without a key. */
export const sinceLastHeartbeat = (timeToLive: number): Duration.Duration =>
  Duration.millis(REMEMBERED - Math.max(timeToLive, 0))
