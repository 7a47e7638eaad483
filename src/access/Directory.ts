import { Context, Effect, Layer } from "effect"
import { AppConfig } from "../AppConfig.ts"
import { type Caller, Forbidden } from "../domain/Caller.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import { type UserId, UserNotFound } from "../domain/User.ts"
import { UserRepo } from "../repo/UserRepo.ts"

/**
 * Which users a user may look up: the one place that decides by `USER_DIRECTORY`, for REST and sockets. `all`: everyone. `exact`:
 * everyone, by id, whole username or external id, but no lists. `shared`: the users who share a conversation with it. `none`: itself
 * only. Callers who are no users see everyone. In a conversation its members see one another with every setting.
 */
export class Directory extends Context.Service<
  Directory,
  {
    /**
     * Whether a caller may list users, and search them by the beginning of a name. Answers `undefined` for all users, or a user id
     * for the users who share a conversation with that user.
     */
    permitList(caller: Caller): Effect.Effect<UserId | undefined, Forbidden>
    /** Whether users see one another because they share a conversation, so that they no longer do when they share none. */
    readonly isByConversation: boolean
    /** Those of the users whom a caller may see. A user sees itself. */
    visible(caller: Caller, userIds: ReadonlyArray<UserId>): Effect.Effect<ReadonlyArray<UserId>, Unavailable>
    /** Fails unless a caller may see all of the users. */
    permitSight(caller: Caller, userIds: ReadonlyArray<UserId>): Effect.Effect<void, Forbidden | Unavailable>
    /**
     * Fails unless a caller may name a user to a call that shows the user's names from then on, without a message to the user: a block,
     * or a direct conversation that it asks for. It may name those whom it may see, and who share a conversation with it. Any other
     * one is answered as a user that does not exist.
     */
    permitNamed(caller: Caller, userId: UserId): Effect.Effect<void, UserNotFound | Unavailable>
  }
>()("minichat/access/Directory") {
  static readonly layer = Layer.effect(
    Directory,
    Effect.gen(function* () {
      const { userDirectory } = yield* AppConfig
      const users = yield* UserRepo
      const showsStrangers = userDirectory === "all" || userDirectory === "exact"

      const visible: Directory["Service"]["visible"] = (caller, userIds) => {
        if (caller._tag !== "Member" || showsStrangers) return Effect.succeed(userIds)
        const { userId } = caller
        const others = userIds.filter((id) => id !== userId)
        if (others.length === 0) return Effect.succeed(userIds)
        const seen = userDirectory === "shared" ? users.fellowsAmong(userId, others) : Effect.succeed([])
        return Effect.map(seen, (ids) => userIds.filter((id) => id === userId || ids.includes(id)))
      }

      return Directory.of({
        permitList: (caller) => {
          if (caller._tag !== "Member" || userDirectory === "all") return Effect.undefined
          return userDirectory === "shared"
            ? Effect.succeed(caller.userId)
            : Effect.fail(new Forbidden({ detail: NO_LIST[userDirectory] }))
        },
        isByConversation: userDirectory === "shared",
        visible,
        permitSight: (caller, userIds) =>
          Effect.flatMap(visible(caller, userIds), (seen) =>
            seen.length === userIds.length
              ? Effect.void
              : Effect.fail(
                  new Forbidden({ detail: userDirectory === "none" ? NO_LIST.none : NO_CONVERSATION })
                )
          ),
        permitNamed: (caller, userId) =>
          caller._tag !== "Member" || showsStrangers
            ? Effect.void
            : Effect.flatMap(users.fellowsAmong(caller.userId, [userId]), (fellows) =>
                fellows.length > 0 ? Effect.void : Effect.fail(new UserNotFound({ userId }))
              )
      })
    })
  )
}

const NO_LIST = {
  exact: "Users may be looked up by their id or whole username only (USER_DIRECTORY=exact)",
  none: "Users may not look one another up (USER_DIRECTORY=none)"
}

const NO_CONVERSATION = "Only users who share a conversation see one another (USER_DIRECTORY=shared)"
