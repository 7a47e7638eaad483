import { Cache, Context, Duration, Effect, Exit, Layer } from "effect"
import { AppConfig } from "../AppConfig.ts"
import { type Credential, Forbidden, type Subject, type Verified } from "../domain/Caller.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import type { ExternalId, ExternalUser, UserId } from "../domain/User.ts"
import { afterEachChange, Epoch } from "../Epoch.ts"
import { type ErasedUser, ErasureRepo } from "../repo/ErasureRepo.ts"
import { ProfileRepo } from "../repo/ProfileRepo.ts"
import { UserRepo } from "../repo/UserRepo.ts"
import { Disconnects } from "./Disconnects.ts"

/** How many external ids are cached with the ids of their users. */
const CACHED = 20_000

/** For how long they are cached, unless the user is erased before. */
const CACHED_FOR = Duration.minutes(1)

/** Finds the users of tokens that name their user by its external id. */
export class Identities extends Context.Service<
  Identities,
  {
    /**
     * The credential of a verified token. With `JWT_PROVISION`, the first token of a user makes it, once, also when several tokens
     * come to several nodes at the same moment. A token that was issued before its user's erasure stays that of the erased user;
     * with `JWT_PROVISION`, a later one makes a new user, unless the erased one was suspended. Fails with `Forbidden` when there is
     * no such user.
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

      const provision = (externalId: ExternalId, wanted: ExternalUser) =>
        Effect.map(profiles.provision(externalId, wanted), ({ id }) => id)

      // Where the username of the token is taken, the user is made with another one.
      const make = ({ externalId, profile: { username, ...profile } }: Subject) =>
        provision(externalId, username === undefined ? profile : { username, ...profile }).pipe(
          Effect.catchTag(["UsernameTaken", "UsernameFixed"], () => provision(externalId, profile)),
          Effect.tap((id) => Effect.logInfo(`Made user ${id} at its first token (JWT_PROVISION)`)),
          Effect.catchTag(["UsernameTaken", "UsernameFixed"], (error) => Effect.die(error))
        )

      const cached = yield* Cache.makeWith(
        (externalId: ExternalId) => Effect.map(users.findExternal(externalId), ({ id }) => id),
        {
          capacity: CACHED,
          timeToLive: (exit) => (Exit.isSuccess(exit) ? CACHED_FOR : Duration.zero)
        }
      )

      // A restored database assigns the ids of users a second time.
      yield* afterEachChange(yield* Epoch, Cache.invalidateAll(cached))

      // A user that was cached before its erasure is looked up again: the person may have a new user.
      const known = (externalId: ExternalId) =>
        Effect.flatMap(Cache.get(cached, externalId), (userId) =>
          disconnects.isErased(userId)
            ? Effect.andThen(Cache.invalidate(cached, externalId), Cache.get(cached, externalId))
            : Effect.succeed(userId)
        )

      /** Whether a token was issued after the erasure, so that its person signs up again. One without `iat` may be older. */
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
