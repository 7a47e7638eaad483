import { Context, Effect, flow, Layer } from "effect"
import type { Unavailable } from "../domain/Unavailable.ts"
import type {
  ExternalId,
  ExternalUser,
  User,
  UserChange,
  UserId,
  UserNotFound,
  UsernameFixed,
  UsernameTaken
} from "../domain/User.ts"
import { ProfileRepo } from "../repo/ProfileRepo.ts"
import { committed, valueOf } from "./Committed.ts"

/** Changes the profiles of users: commits each change with its events, then publishes these. Each call is safe to repeat. */
export class Profiles extends Context.Service<
  Profiles,
  {
    /** Changes a user's profile, and answers the user. */
    update(userId: UserId, change: UserChange): Effect.Effect<User, UserNotFound | Unavailable>
    /** Makes the user with an external id, or changes its profile. */
    put(
      externalId: ExternalId,
      wanted: ExternalUser
    ): Effect.Effect<User, UsernameTaken | UsernameFixed | Unavailable>
  }
>()("minichat/chat/Profiles") {
  static readonly layer = Layer.effect(
    Profiles,
    Effect.gen(function* () {
      const repo = yield* ProfileRepo
      const commit = yield* committed
      return Profiles.of({
        update: flow(repo.update, commit, valueOf),
        put: flow(repo.put, commit, valueOf)
      })
    })
  )
}
