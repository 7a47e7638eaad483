import type { UserId } from "../domain/User.ts"

/** Which users a search gives: those with a username or a display name that begins so, ordered by that name. */
export interface NameQuery {
  /** The beginning of the name; case does not matter. */
  readonly prefix: string
  /** Only users after this one, the last of the page before. One whose name does not begin so any more is as none. */
  readonly afterId?: UserId | undefined
  /** Only users who share a conversation with this one, and itself. */
  readonly fellowsOf?: UserId | undefined
  readonly skip: number
  readonly limit: number
}
