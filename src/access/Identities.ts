import { Cache, Context, Duration, Effect, Exit, Layer } from "effect"
import { AppConfig } from "../AppConfig.ts"
import { type Credential, Forbidden, type Subject, type Verified } from "../domain/Caller.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import type { ExternalId, ExternalUser, UserId } from "../domain/User.ts"
import { type ErasedUser, ErasureRepo } from "../repo/ErasureRepo.ts"
import { ProfileRepo } from "../repo/ProfileRepo.ts"
import { UserRepo } from "../repo/UserRepo.ts"
import { Disconnects } from "./Disconnects.ts"

/** How many external ids are remembered with the users that have them. */
const REMEMBERED = 20_000

/** For how long, unless the user is erased before. */
const REMEMBERED_FOR = Duration.minutes(1)

/** Finds the users that tokens are of, when these name them by their external ids. */
export class Identities extends Context.Service<
  Identities,
  {
    /**
     * The credential of a token that is verified. With `JWT_PROVISION`, the first token of a user makes it, once, also when several
     * come at the same moment to several nodes. An erased user's tokens stay that user's: with `JWT_PROVISION`, one that was issued
     * after the erasure was ordered makes a new user, unless the erased one was suspended. Fails with `Forbidden` when there is no
     * such user.
     */
    resolve(verified: Verified): Effect.Effect<Credential, Forbidden | Unavailable>
  }
>()("minichat/access/Identities") {
  static readonly layer = Layer.effect(
    Identities,
    Effect.gen(function* () {
      const { jwtProvision, jwtUserClaim } = yield* AppConfig
      const users = yield* UserRepo
      const profiles = yield* ProfileRepo
      const erasures = yield* ErasureRepo
      const disconnects = yield* Disconnects

      const put = (externalId: ExternalId, wanted: ExternalUser) =>
        profiles.put(externalId, wanted).pipe(
          Effect.flatMap(({ value }) => value),
          Effect.map(({ id }) => id)
        )

      // Whatever name the token asks for, its user is made.
      const make = ({ externalId, profile: { username, ...profile } }: Subject) =>
        (username === undefined ? put(externalId, profile) : put(externalId, { username, ...profile })).pipe(
          Effect.catchTag(["UsernameTaken", "UsernameFixed"], () => put(externalId, profile)),
          Effect.tap((id) => Effect.logInfo(`Made user ${id} at its first token (JWT_PROVISION)`)),
          Effect.catchTag(["UsernameTaken", "UsernameFixed"], (error) => Effect.die(error))
        )

      const remembered = yield* Cache.makeWith(
        (externalId: ExternalId) => Effect.map(users.findExternal(externalId), ({ id }) => id),
        {
          capacity: REMEMBERED,
          timeToLive: (exit) => (Exit.isSuccess(exit) ? REMEMBERED_FOR : Duration.zero)
        }
      )

      // What is remembered of a user before its erasure holds no longer: the person may have a new user.
      const known = (externalId: ExternalId) =>
        Effect.flatMap(Cache.get(remembered, externalId), (userId) =>
          disconnects.isErased(userId)
            ? Effect.andThen(Cache.invalidate(remembered, externalId), Cache.get(remembered, externalId))
            : Effect.succeed(userId)
        )

      /** Whether a token is of a person who signs up anew. One that does not tell when it was issued may be old. */
      const isAnew = ({ orderedAt, wasSuspended }: ErasedUser, issuedAt: number | undefined) =>
        jwtProvision && !wasSuspended && issuedAt !== undefined && issuedAt * 1000 >= orderedAt

      const erasedOrNew = Effect.fnUntraced(function* (subject: Subject, issuedAt: number | undefined) {
        const erased = yield* erasures.findErased(subject.externalId)
        if (erased !== undefined && !isAnew(erased, issuedAt)) return erased.userId
        if (jwtProvision) return yield* make(subject)
        return yield* new Forbidden({
          detail: `No user has the token's "${jwtUserClaim}" as its external id. Make it by PUT /users/by-external-id/{external_id}, or set JWT_PROVISION=true`
        })
      })

      const userOf = (
        subject: Subject,
        issuedAt: number | undefined
      ): Effect.Effect<UserId, Forbidden | Unavailable> =>
        Effect.catchTag(known(subject.externalId), "ExternalIdNotFound", () => erasedOrNew(subject, issuedAt))

      return Identities.of({
        resolve: ({ caller, ...token }) =>
          caller._tag === "Subject"
            ? Effect.map(userOf(caller, token.issuedAt), (userId) => ({
                caller: { _tag: "Member", userId },
                ...token
              }))
            : Effect.succeed({ caller, ...token })
      })
    })
  )
}
