import type { Effect } from "effect"
import type { Change } from "../domain/Event.ts"
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

/** At most so many users get an event of a changed profile: those of the user's latest conversations. */
export const MAX_FELLOWS = 1000

/**
 * The profiles of users. A change commits together with its `user_updated` events, in the inboxes of the user and of those who
 * share a conversation with it, at most `MAX_FELLOWS`; theirs are without the metadata. A change that changes nothing has no events.
 */
export interface ProfileCalls {
  /** Changes a user's profile. */
  update(
    userId: UserId,
    change: UserChange
  ): Effect.Effect<Change<User, UserNotFound>, UserNotFound | Unavailable>
  /**
   * Makes the user with an external id, or changes the profile of the existing one. One that is erased meanwhile does not exist. Safe to repeat: calls at the same moment make
   * one user. Without a username one is made, from the display name where that has letters.
   */
  put(
    externalId: ExternalId,
    wanted: ExternalUser
  ): Effect.Effect<Change<User>, UsernameTaken | UsernameFixed | Unavailable>
  /**
   * Makes the user with an external id, as `put` does. The profile of one that is there already stays: an application may have made
   * it at the same moment, and knows more of its user than a token does.
   */
  provision(
    externalId: ExternalId,
    wanted: ExternalUser
  ): Effect.Effect<User, UsernameTaken | UsernameFixed | Unavailable>
}
