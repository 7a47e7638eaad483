import { Cache, Context, Duration, Effect, Exit, Layer } from "effect"
import { AppConfig } from "../AppConfig.ts"
import { type Credential, Forbidden, type Subject, type Verified } from "../domain/Caller.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import type { ExternalId, ExternalUser, UserId } from "../domain/User.ts"
import { ProfileRepo } from "../repo/ProfileRepo.ts"
import { UserRepo } from "../repo/UserRepo.ts"

/** How many external ids are remembered with the users that have them. */
const REMEMBERED = 20_000

/** For how long. A user who is erased has no external id any more, and its tokens are of nobody after this time. */
const REMEMBERED_FOR = Duration.minutes(1)

/** Finds the users that tokens are of, when these name them by their external ids. */
export class Identities extends Context.Service<
  Identities,
  {
    /**
     * The credential of a token that is verified. With `JWT_PROVISION`, the first token of a user makes it, once, also when several
     * come at the same moment to several nodes. Fails with `Forbidden` when there is no such user.
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

      const put = (externalId: ExternalId, wanted: ExternalUser) =>
        Effect.map(profiles.put(externalId, wanted), ({ value }) => value.id)

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

      const userOf = (subject: Subject): Effect.Effect<UserId, Forbidden | Unavailable> =>
        Cache.get(remembered, subject.externalId).pipe(
          Effect.catchTag(
            "ExternalIdNotFound",
            (): Effect.Effect<UserId, Forbidden | Unavailable> =>
              jwtProvision
                ? make(subject)
                : Effect.fail(
                    new Forbidden({
                      detail: `No user has the token's "${jwtUserClaim}" as its external id. Make it by PUT /users/by-external-id/{external_id}, or set JWT_PROVISION=true`
                    })
                  )
          )
        )

      return Identities.of({
        resolve: ({ caller, ...token }) =>
          caller._tag === "Subject"
            ? Effect.map(userOf(caller), (userId) => ({ caller: { _tag: "Member", userId }, ...token }))
            : Effect.succeed({ caller, ...token })
      })
    })
  )
}
