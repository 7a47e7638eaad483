import { Duration } from "effect"

/** How long a node counts as alive after its last beat. */
const ALIVE_FOR = Duration.seconds(30)

/** How long it is remembered when a node beat last, and a user was online last. In milliseconds. */
export const REMEMBERED = Duration.toMillis(Duration.days(30))

/** The key that a node renews, its beat. */
export const keyOf = (prefix: string, id: string): string => `${prefix}node:${id}`

/** The ids of the nodes that run, and of those that died and were not noticed yet. */
export const setOf = (prefix: string): string => `${prefix}nodes`

/**
 * Whether a node is alive whose key has this much time left, in milliseconds. Time left is told by Redis alone, so
 * nodes whose clocks disagree still agree on who is alive.
 */
export const isAlive = (timeLeft: number): boolean => timeLeft > REMEMBERED - Duration.toMillis(ALIVE_FOR)

/** How long ago a node beat whose key has this much time left, in milliseconds; a key that is gone is the oldest there is. */
export const sinceLastBeat = (timeLeft: number): Duration.Duration =>
  Duration.millis(REMEMBERED - Math.max(timeLeft, 0))
