import { Duration, type Effect } from "effect"
import type { Erasure } from "../domain/Erasure.ts"
import type { AppendedFact } from "../domain/Event.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import type { ExternalId, UserId, UserNotFound } from "../domain/User.ts"

/** How much one step erases, at most. */
export interface StepBounds {
  /** Messages, reactions, memberships or events of inboxes. */
  readonly rows: number
  /** Events in the inboxes of others. A single message may exceed it: it has an event for each member of its group. */
  readonly events: number
}

/** How much one transaction erases: so much holds its locks for some tens of milliseconds. */
export const STEP: StepBounds = { rows: 500, events: 2000 }

/** The lease of a node on an erasure, renewed by each step. After that time without a step another node claims it. */
export const LEASE = Duration.seconds(10)

/** The result of one step. */
export interface Step {
  readonly appended: ReadonlyArray<AppendedFact>
  /** Whether nothing is left to erase. */
  readonly isDone: boolean
}

/** An erased user, as its tokens that are still valid find it. */
export interface ErasedUser {
  readonly userId: UserId
  /** When the erasure was ordered. In milliseconds since 1970. */
  readonly orderedAt: number
  /** Whether it was suspended then. */
  readonly wasSuspended: boolean
}

/** The answer to an order. */
export interface Ordered {
  /** How far the erasure is. */
  readonly erasure: Erasure
  /** Whether this call ordered it, and no call before. */
  readonly isNew: boolean
}

/**
 * Erases users.
 *
 * Guarantee: the order commits together with the deletion of the inbox. A send of the user that committed before is erased with the
 * rest, a later one is refused. Each step is a transaction that commits with its events. Another node may repeat it: it then erases
 * what is left, and appends no event twice.
 */
export interface ErasureCalls {
  /** Deletes the user, and orders the erasure of what it wrote. Safe to repeat. */
  order(userId: UserId): Effect.Effect<Ordered, UserNotFound | Unavailable>
  /** The erased user that had an external id, the last one of several; `undefined` when there is none. */
  findErased(externalId: ExternalId): Effect.Effect<ErasedUser | undefined, Unavailable>
  /** Claims an unfinished erasure without a lease, for `LEASE`; `undefined` when there is none. */
  readonly claim: Effect.Effect<UserId | undefined, Unavailable>
  /** Erases the next part: memberships, then reactions, then messages by ascending id, then the rest. */
  step(userId: UserId, bounds: StepBounds): Effect.Effect<Step, Unavailable>
  /** Users who had a direct conversation with the user, by ascending id, above `after`. */
  peers(userId: UserId, after: number, limit: number): Effect.Effect<ReadonlyArray<UserId>, Unavailable>
  /** Marks an erasure as finished. */
  finish(userId: UserId): Effect.Effect<void, Unavailable>
}
