import { Duration, Schema } from "effect"
import type { ExternalId, UserId } from "./User.ts"

/**
 * Who makes a call. `Anyone` is every caller of a server without authentication; a `Service` is the
 * application's own backend and acts for any user; a `Member` acts as one user.
 */
export type Caller =
  | { readonly _tag: "Anyone" }
  | { readonly _tag: "Service" }
  | { readonly _tag: "Member"; readonly userId: UserId }

/** The user of a token that names it by its external id. */
export interface Subject {
  readonly _tag: "Subject"
  readonly externalId: ExternalId
  /** The profile in the token, for a user who does not exist yet. */
  readonly profile: {
    readonly username?: string
    readonly display_name?: string
    readonly avatar_url?: string
  }
}

/** The claims of a verified token: who calls, and when it expires. */
export interface Verified {
  readonly caller: Caller | Subject
  /** Seconds since 1970, without the leeway for clocks that differ; none when the token does not expire. */
  readonly expiresAt: number | undefined
  /** When the token was issued, in seconds since 1970; none when it has no `iat`. */
  readonly issuedAt?: number | undefined
}

/** A caller whose user is known, and when its token expires. */
export interface Credential extends Verified {
  readonly caller: Caller
}

/** The token is missing, expired or not accepted. `message` says which; the token itself is never shown. */
export class InvalidToken extends Schema.TaggedError<InvalidToken>()("InvalidToken", {
  message: Schema.String
}) {}

/** The `message` of a call without a token that needs one. */
export const TOKEN_NEEDED = "A token is needed"

/** The `message` of a token that was issued before an order took the user's tokens back. */
export const TOKEN_TAKEN_BACK = "The token was taken back: get a new one"

/** The caller may not do this. `detail` gives the reason; without it, the token is that of another user. */
export class Forbidden extends Schema.TaggedError<Forbidden>()("Forbidden", {
  detail: Schema.optionalKey(Schema.String)
}) {}

/** The `detail` of a call for "me" by a caller who is no user. */
export const ONLY_USERS_ARE_ME = 'Only a user\'s token says who "me" is: name the user by its id'

/** The user for whom the call acts is suspended: it may read, and do nothing else. */
export class Suspended extends Schema.TaggedError<Suspended>()("Suspended", {}) {}

/** The caller did this too often. It may do it again after `retryAfter`. */
export class RateLimited extends Schema.TaggedError<RateLimited>()("RateLimited", {
  retryAfter: Schema.DurationFromMillis
}) {
  /** In whole milliseconds, rounded up. */
  get retryAfterMs(): number {
    return Math.ceil(Duration.toMillis(this.retryAfter))
  }
}

/** The user has as many sockets and long polls as it may, or this node has. */
export class TooManyPlaces extends Schema.TaggedError<TooManyPlaces>()("TooManyPlaces", {
  of: Schema.Literals(["user", "node"])
}) {}
