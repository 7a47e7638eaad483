import { Duration } from "effect"

/** How long a node counts as alive after its last heartbeat. */
const LEASE = Duration.seconds(30)

/** How long Redis keeps a node's last heartbeat and a user's last time online. In milliseconds. */
export const REMEMBERED = Duration.toMillis(Duration.days(30))

/** The key that a node renews with each heartbeat. */
export const keyOf = (prefix: string, id: string): string => `${prefix}node:${id}`

/** The set in which nodes of release 1.0 have their ids, also for a time after they died. */
export const setOf = (prefix: string): string => `${prefix}nodes`

/**
 * Whether a node is alive, by the time to live of its key in milliseconds. Only the clock of Redis counts: nodes whose
 * clocks disagree agree on who is alive.
 */
export const isAlive = (timeToLive: number): boolean => timeToLive > REMEMBERED - Duration.toMillis(LEASE)
