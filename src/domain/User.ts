import { Schema } from "effect"
import { Metadata } from "./Metadata.ts"
import { Text, Timestamp, trimmedText } from "./Text.ts"

/** The largest user id that the `int4` column holds; no user has a larger id. */
export const MAX_USER_ID = 2_147_483_647

const integer = Schema.makeFilter((n: number) => Number.isInteger(n) || "must be a whole number", {
  toJsonSchema: () => ({ type: "integer", format: "int32" })
})

/** A user's id: an integer of at least 1. Ids above `MAX_USER_ID` are valid input that no user has. */
export const UserId = Schema.Finite.check(integer, Schema.isGreaterThanOrEqualTo(1))
  .annotate({ description: "The id of a user", examples: [1] })
  .pipe(Schema.brand("UserId"))
export type UserId = typeof UserId.Type

// A letter of Hindi, Thai or pointed Hebrew has up to four marks. Invisible marks, such as variation selectors, are not allowed.
const LETTERS = /^(?:[\p{L}\p{N}](?:(?!\p{Default_Ignorable_Code_Point})[\p{Mn}\p{Mc}]){0,4})*$/u

export const Username = Text.check(
  Schema.isBetweenCodePoints(3, 50, { message: "must have 3 to 50 characters" }),
  Schema.isPattern(LETTERS, { message: "must have only letters, with at most four marks each, and digits" })
).annotate({
  description:
    "3 to 50 letters and digits, of any script, with the marks that these have. Usernames with one form NFKC of Unicode are one",
  examples: ["alice"]
})

export const DisplayName = Text.check(
  Schema.isBetweenCodePoints(0, 100, { message: "must have at most 100 characters" })
).annotate({ description: "At most 100 characters", examples: ["Alice Liddell"] })

/** The id that an application or an identity provider has for a user: any text, such as `auth0|64f1`, a UUID, or an e-mail address. */
export const ExternalId = Text.check(
  Schema.isBetweenCodePoints(1, 255, { message: "must have 1 to 255 characters" })
).annotate({
  description:
    "The id that the application or its identity provider has for the user: 1 to 255 characters of any kind",
  examples: ["auth0|64f1c2"]
})
export type ExternalId = typeof ExternalId.Type

const MAX_URL_LENGTH = 2048

/** The URL of a picture of a user. The server does not fetch it. */
export const AvatarUrl = Text.check(
  Schema.makeFilter(
    (text: string) =>
      (text.length <= MAX_URL_LENGTH && /^https?:\/\/[^\s\p{Cc}]+$/iu.test(text) && URL.canParse(text)) ||
      `must be an http or https URL of at most ${MAX_URL_LENGTH} characters`,
    { toJsonSchema: () => [{ maxLength: MAX_URL_LENGTH, pattern: "^[Hh][Tt][Tt][Pp][Ss]?://" }, true] }
  )
).annotate({
  description: `The URL of a picture, with http or https and at most ${MAX_URL_LENGTH} characters`,
  examples: ["https://example.com/alice.png"]
})

export const User = Schema.Struct({
  id: UserId,
  username: Schema.String.annotate({ examples: ["alice"] }),
  display_name: Schema.String.annotate({ examples: ["Alice Liddell"] }),
  created_at: Timestamp,
  external_id: Schema.optionalKey(ExternalId).annotate({
    description:
      "The id that the application has for the user; shown to the application, to the user itself, and to callers who look the user up by it"
  }),
  avatar_url: Schema.optionalKey(Schema.String).annotate({ examples: ["https://example.com/alice.png"] }),
  metadata: Schema.optionalKey(Metadata)
}).annotate({ identifier: "User", description: "A user of the chat" })
export type User = typeof User.Type

/** The fields of a change of a profile: an absent field stays, null removes it. */
const profile = {
  display_name: Schema.optionalKey(
    Schema.NullOr(trimmedText(100, "Alice Liddell")).annotate({
      description: "Shown to other users; null makes it the username"
    })
  ),
  avatar_url: Schema.optionalKey(Schema.NullOr(AvatarUrl)).annotate({ description: "null removes it" }),
  metadata: Schema.optionalKey(Schema.NullOr(Metadata)).annotate({
    description: "Replaces the metadata; null removes it"
  })
}

export const UserChange = Schema.Struct(profile).annotate({
  identifier: "UserChange",
  description: "What to change of a user; what is absent stays"
})
export type UserChange = typeof UserChange.Type

export const ExternalUser = Schema.Struct({
  username: Schema.optionalKey(
    Schema.NullOr(Username).annotate({
      description: "The username of a new user, which never changes; one is made when it is absent or null"
    })
  ),
  ...profile
}).annotate({ identifier: "ExternalUser", description: "A user to make or to change" })
export type ExternalUser = typeof ExternalUser.Type

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
  /** True when the name is free, but looks like that of another user. */
  isAlike: Schema.Boolean
}) {}

export class UserNotFound extends Schema.TaggedError<UserNotFound>()("UserNotFound", {
  userId: Schema.Finite
}) {}

/** The user exists already with another username, which never changes. */
export class UsernameFixed extends Schema.TaggedError<UsernameFixed>()("UsernameFixed", {
  username: Schema.String
}) {}

/** No user has this external id. */
export class ExternalIdNotFound extends Schema.TaggedError<ExternalIdNotFound>()("ExternalIdNotFound", {}) {}
