import type { UserId } from "./User.ts"

/** An order to close the sockets that a user has, which may also take back the tokens of the user. */
export interface Disconnect {
  readonly userId: UserId
  /** By the database's clock, in milliseconds since 1970. No two orders of a user have the same. */
  readonly orderedAt: number
  /** The time from the order to the query that read it. In milliseconds. */
  readonly age: number
  /** The close code of the sockets. */
  readonly closeCode: number
  /** Tokens that were issued before are refused. Seconds since 1970; none when no order took tokens back. */
  readonly tokensNotBefore: number | undefined
  /** Whether the user is suspended now: each suspension, and each end of one, is an order. */
  readonly isSuspended: boolean
}

/** The close code of the order that comes with the erasure of a user. No other order has it. */
export const ERASED = 4004
