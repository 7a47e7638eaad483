import type { UserId } from "./User.ts"

/** An order to close the sockets that a user has, which may also take back the tokens of the user. */
export interface Disconnect {
  readonly userId: UserId
  /** By the database's clock, in milliseconds since 1970: tells the orders of a user apart. */
  readonly orderedAt: number
  /** How long ago it was ordered when it was read. In milliseconds. */
  readonly age: number
  /** The close code of the sockets. */
  readonly closeCode: number
  /** Tokens that were issued before are refused. Seconds since 1970; none when no order took tokens back. */
  readonly tokensNotBefore: number | undefined
  /** Whether the user is suspended now: each suspension, and each end of one, is an order. */
  readonly isSuspended: boolean
}
