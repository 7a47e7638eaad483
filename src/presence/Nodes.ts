import { Duration } from "effect"

/** How long a node counts as alive after its last beat. */
const ALIVE_FOR = Duration.seconds(30)

/** How long it is remembered when a node beat last, and a user was online last. In milliseconds. */
export const REMEMBERED = Duration.toMillis(Duration.days(30))

/** The key that a node renews, its beat. */
export const keyOf = (prefix: string, id: string): string => `${prefix}node:${id}`

/** The set in which nodes of release 1.0 have their ids, also for a time after they died. */
export const setOf = (prefix: string): string => `${prefix}nodes`

/**
 * Whether a node is alive whose key has this much time left, in milliseconds. Time left is told by Redis alone, so
 * nodes whose clocks disagree still agree on who is alive.
 */
export const isAlive = (timeLeft: number): boolean => timeLeft > REMEMBERED - Duration.toMillis(ALIVE_FOR)
