import { Schema } from "effect"
import { Timestamp } from "./Text.ts"
import { UserId } from "./User.ts"

/** The erasure of a user: the user is deleted once it is ordered, and everything about the user is deleted once it is finished. */
export const Erasure = Schema.Struct({
  user_id: UserId,
  ordered_at: Timestamp,
  finished_at: Schema.NullOr(Timestamp).annotate({ description: "Null while the erasure is under way" })
}).annotate({ identifier: "Erasure", description: "The order to erase a user" })
export type Erasure = typeof Erasure.Type

/** The username of an erased user. No user can take it: usernames have no hyphen. */
export const tombstoneName = (userId: UserId): string => `deleted-${userId}`

/** Whether a username is that of an erased user. */
export const isTombstoneName = (username: string): boolean => username.startsWith("deleted-")
