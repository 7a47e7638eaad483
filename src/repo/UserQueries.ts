import type { UserId } from "../domain/User.ts"

/** A search for users whose username or display name begins with a text, ordered by that name. */
export interface NameQuery {
  /** The beginning of the name; case does not matter. */
  readonly prefix: string
  /** Only users after this one, the last of the page before. Ignored when no name of this user begins with `prefix` any more. */
  readonly afterId?: UserId | undefined
  /** Only users who share a conversation with this one, and itself. */
  readonly fellowsOf?: UserId | undefined
  readonly skip: number
  readonly limit: number
}
