import { Effect, Result } from "effect"
import type { Change } from "../domain/Event.ts"
import { Unavailable } from "../domain/Unavailable.ts"
import {
  type ExternalId,
  type ExternalUser,
  type User,
  type UserChange,
  type UserNotFound,
  UsernameFixed,
  UsernameTaken
} from "../domain/User.ts"
import { normalName } from "./FoldedNames.ts"
import { madeUsername, USERNAME_TRIES } from "./MadeUsernames.ts"
import type { NewProfile } from "./UsersInSql.ts"

/** The steps of `put` that each layer of `ProfileRepo` has of its own. */
interface Steps {
  findExternal(id: ExternalId): Effect.Effect<User | undefined, Unavailable>
  /** Makes a user, unless its username or its external id is taken. */
  make(made: NewProfile): Effect.Effect<Result.Result<User, { readonly isAlike: boolean }>, Unavailable>
  /** Changes the profile of a user that was found before. */
  update(
    user: User,
    change: UserChange
  ): Effect.Effect<Change<User, UserNotFound>, UserNotFound | Unavailable>
}

type Put = (
  externalId: ExternalId,
  wanted: ExternalUser
) => Effect.Effect<Change<User>, UsernameTaken | UsernameFixed | Unavailable>

/** Makes `provision` of `ProfileCalls` from the steps of a layer. */
export const makeProvision = ({ findExternal, make }: Omit<Steps, "update">) => {
  const put = makePut({
    findExternal,
    make,
    update: (user) => Effect.succeed({ value: Effect.succeed(user), appended: [] })
  })
  return (externalId: ExternalId, wanted: ExternalUser) =>
    Effect.flatMap(put(externalId, wanted), ({ value }) => value)
}

/** Makes `put` of `ProfileCalls` from the steps of a layer. */
export const makePut = (steps: Steps): Put => {
  const attempt = makeAttempt(steps)
  const put: Put = (externalId, wanted) =>
    attempt(externalId, wanted).pipe(
      Effect.map(({ value, appended }) => ({
        value: Effect.catchTag(value, "UserNotFound", () => new Unavailable(ERASED_MEANWHILE)),
        appended
      })),
      // The external id is free again, and the user is made.
      Effect.catchTag("UserNotFound", () => put(externalId, wanted))
    )
  return put
}

/** The change is committed, and its user erased. A repeat makes another user. */
const ERASED_MEANWHILE = { dependency: "database", cause: "the user was erased meanwhile" } as const

/** `put` that fails when the user that it found is erased meanwhile. */
const makeAttempt = ({ findExternal, make, update }: Steps) =>
  Effect.fnUntraced(function* (externalId: ExternalId, { username: given, ...profile }: ExternalUser) {
    const change = (
      user: User
    ): Effect.Effect<Change<User, UserNotFound>, UserNotFound | UsernameFixed | Unavailable> =>
      given == null || normalName(given) === normalName(user.username)
        ? update(user, profile)
        : Effect.fail(new UsernameFixed({ username: user.username }))

    const known = yield* findExternal(externalId)
    if (known !== undefined) return yield* change(known)

    let isAlike = false
    for (let attempt = 0; attempt < (given == null ? USERNAME_TRIES : 1); attempt++) {
      const username = given ?? (yield* madeUsername(profile.display_name ?? undefined, attempt))
      const made = yield* make({
        username,
        displayName: profile.display_name ?? username,
        externalId,
        avatarUrl: profile.avatar_url ?? undefined,
        metadata: profile.metadata ?? undefined
      })
      if (Result.isSuccess(made)) return { value: Effect.succeed(made.success), appended: [] }
      // The external id may be the one that is taken: the same call on another node has just made the user.
      const other = yield* findExternal(externalId)
      if (other !== undefined) return yield* change(other)
      isAlike = made.failure.isAlike
    }
    return yield* new UsernameTaken({ username: given ?? "", isAlike })
  })
