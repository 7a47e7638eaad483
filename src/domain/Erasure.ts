import { Schema } from "effect"
import { Timestamp } from "./Text.ts"
import { UserId } from "./User.ts"

/**
 * The erasure of a user. The order deletes the user at once; what the user wrote is erased in the background, until the erasure is
 * finished. The row of the user stays, with the id and `tombstoneName`. docs/ERASURE.md lists what else stays.
 */
export const Erasure = Schema.Struct({
  user_id: UserId,
  ordered_at: Timestamp,
  finished_at: Schema.NullOr(Timestamp).annotate({ description: "Null while the erasure is under way" })
}).annotate({
  identifier: "Erasure",
  description: "The order to erase a user, and whether it is carried out"
})
export type Erasure = typeof Erasure.Type

/** Returns the username of an erased user. No user can take it: a username has no hyphen. */
export const tombstoneName = (userId: UserId): string => `deleted-${userId}`

/** Returns whether a username is that of an erased user. */
export const isTombstoneName = (username: string): boolean => username.startsWith("deleted-")
