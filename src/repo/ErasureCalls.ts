import { Duration, type Effect } from "effect"
import type { Erasure } from "../domain/Erasure.ts"
import type { AppendedFact } from "../domain/Event.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import type { ExternalId, UserId, UserNotFound } from "../domain/User.ts"

/** How much one step erases, at most. */
export interface StepBounds {
  /** Messages, reactions, memberships or events of inboxes. */
  readonly rows: number
  /** Events that others are told by. One message may cause more: it has as many as its group has members. */
  readonly events: number
}

/** How much the server erases in a transaction: its locks are held for some tens of milliseconds. */
export const STEP: StepBounds = { rows: 500, events: 2000 }

/** How long a node has an erasure after each step. When it dies, another node goes on after that time. */
export const LEASE = Duration.seconds(10)

/** What one step did. */
export interface Step {
  readonly appended: ReadonlyArray<AppendedFact>
  /** Whether nothing is left to erase. */
  readonly isDone: boolean
}

/** A user that was erased, as those of its tokens find it that are still valid. */
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
 * rest, one that comes after is refused. Each step is a transaction, commits with the events that report it, and may be
 * repeated by another node: what is erased is not erased again, and no event is told twice.
 */
export interface ErasureCalls {
  /** Deletes the user, and orders the erasure of what it wrote. Safe to repeat. */
  order(userId: UserId): Effect.Effect<Ordered, UserNotFound | Unavailable>
  /** The user that had an external id and was erased, of several the last one; `undefined` when there is none. */
  findErased(externalId: ExternalId): Effect.Effect<ErasedUser | undefined, Unavailable>
  /** Takes an unfinished erasure that no node works on; `undefined` when there is none. It is the node's for `LEASE`. */
  readonly claim: Effect.Effect<UserId | undefined, Unavailable>
  /** Erases the next part: memberships, then reactions, then messages by ascending id, then the rest. */
  step(userId: UserId, bounds: StepBounds): Effect.Effect<Step, Unavailable>
  /** Users who had a direct conversation with the user, by ascending id, above `after`. */
  peers(userId: UserId, after: number, limit: number): Effect.Effect<ReadonlyArray<UserId>, Unavailable>
  /** Marks an erasure as finished. */
  finish(userId: UserId): Effect.Effect<void, Unavailable>
}
