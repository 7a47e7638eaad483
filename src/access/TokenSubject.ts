import { Option, Result, Schema } from "effect"
import type { JWTPayload } from "jose"
import type { Settings } from "../AppConfig.ts"
import { type Caller, InvalidToken, type Subject } from "../domain/Caller.ts"
import { trimmedText } from "../domain/Text.ts"
import { AvatarUrl, ExternalId, UserId, Username } from "../domain/User.ts"

/** The user of a token, by the claim `JWT_USER_CLAIM`. A token with `scope` `service` is of the application's own backend. */
export const subjectOf =
  ({ jwtSubject, jwtUserClaim }: Pick<Settings, "jwtSubject" | "jwtUserClaim">) =>
  (payload: JWTPayload): Result.Result<Caller | Subject, InvalidToken> => {
    const { scope } = payload
    if (typeof scope === "string" && scope.split(" ").includes("service"))
      return Result.succeed({ _tag: "Service" })
    const claim = payload[jwtUserClaim]
    // A claim of the application's own may be a number.
    const text = Number.isSafeInteger(claim) && jwtUserClaim !== "sub" ? String(claim) : claim
    return jwtSubject === "id"
      ? Option.match(decodeId(text), {
          onNone: () => refused(`The token's claim "${jwtUserClaim}" is not a user id`),
          onSome: (digits) => Result.succeed({ _tag: "Member", userId: UserId.make(Number(digits)) })
        })
      : Option.match(decodeExternal(text), {
          onNone: () => refused(`The token's claim "${jwtUserClaim}" is not a text of 1 to 255 characters`),
          onSome: (externalId) => Result.succeed({ _tag: "Subject", externalId, profile: profileOf(payload) })
        })
  }

const refused = (message: string) => Result.fail(new InvalidToken({ message }))

const decodeId = Schema.decodeUnknownOption(Schema.String.check(Schema.isPattern(/^[1-9][0-9]{0,9}$/)))

const decodeExternal = Schema.decodeUnknownOption(ExternalId)

const decodeUsername = Schema.decodeUnknownOption(Username)
const decodeName = Schema.decodeUnknownOption(trimmedText(100, ""))
const decodePicture = Schema.decodeUnknownOption(AvatarUrl)
const decodeObject = Schema.decodeUnknownOption(Schema.Record(Schema.String, Schema.Unknown))

/**
 * The profile in a user's first token: the standard claims of OpenID Connect, and those of Supabase in `user_metadata`. A claim that
 * is not valid as a name or URL is ignored. An e-mail address is never shown to others, so no name is made of it.
 */
const profileOf = (payload: JWTPayload): Subject["profile"] => {
  const more = Option.getOrElse(
    decodeObject(payload.user_metadata),
    (): Readonly<Record<string, unknown>> => ({})
  )
  const username = decodeUsername(payload.preferred_username)
  const name = first(decodeName, [payload.name, more.full_name, more.name])
  const picture = first(decodePicture, [payload.picture, more.avatar_url, more.picture])
  return {
    ...Option.match(username, { onNone: () => ({}), onSome: (username) => ({ username }) }),
    ...Option.match(name, { onNone: () => ({}), onSome: (display_name) => ({ display_name }) }),
    ...Option.match(picture, { onNone: () => ({}), onSome: (avatar_url) => ({ avatar_url }) })
  }
}

const first = (
  decode: (value: unknown) => Option.Option<string>,
  values: ReadonlyArray<unknown>
): Option.Option<string> => Option.firstSomeOf(values.map(decode))
