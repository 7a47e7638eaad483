import { Schema } from "effect"
import { Text, Timestamp } from "./Text.ts"

/** The largest user id that the `int4` column holds; an id above it names nobody. */
export const MAX_USER_ID = 2_147_483_647

const integer = Schema.makeFilter((n: number) => Number.isInteger(n) || "must be a whole number", {
  toJsonSchema: () => ({ type: "integer", format: "int32" })
})

/** A user's id: an integer of at least 1. Ids above `MAX_USER_ID` are valid input that names nobody. */
export const UserId = Schema.Finite.check(integer, Schema.isGreaterThanOrEqualTo(1))
  .annotate({ description: "The id of a user", examples: [1] })
  .pipe(Schema.brand("UserId"))
export type UserId = typeof UserId.Type

export const Username = Text.check(
  Schema.isBetweenCodePoints(3, 50, { message: "must have 3 to 50 characters" }),
  Schema.isPattern(/^[\p{L}\p{N}]*$/u, { message: "must have only letters and digits" })
).annotate({ description: "3 to 50 letters and digits, of any script", examples: ["alice"] })

export const DisplayName = Text.check(
  Schema.isBetweenCodePoints(0, 100, { message: "must have at most 100 characters" })
).annotate({ description: "At most 100 characters", examples: ["Alice Liddell"] })

export const User = Schema.Struct({
  id: UserId,
  username: Schema.String.annotate({ examples: ["alice"] }),
  display_name: Schema.String.annotate({ examples: ["Alice Liddell"] }),
  created_at: Timestamp
}).annotate({ identifier: "User", description: "A user of the chat" })
export type User = typeof User.Type

export const NewUser = Schema.Struct({
  username: Username,
  display_name: Schema.optionalKey(
    Schema.NullOr(DisplayName).annotate({
      description: "Shown to other users; the username when absent or null"
    })
  )
}).annotate({ identifier: "NewUser", description: "A user to create" })
export type NewUser = typeof NewUser.Type

export class UsernameTaken extends Schema.TaggedError<UsernameTaken>()("UsernameTaken", {
  username: Schema.String,
  /** Whether the name is free, but looks like that of another user. */
  isAlike: Schema.Boolean
}) {}

export class UserNotFound extends Schema.TaggedError<UserNotFound>()("UserNotFound", {
  userId: Schema.Finite
}) {}
