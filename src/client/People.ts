import { Effect } from "effect"
import type { Message } from "../domain/Message.ts"
import type { BlockEntry, Report } from "../domain/Moderation.ts"
import type { User, UserChange, UserId } from "../domain/User.ts"
import { Calls } from "./Endpoints.ts"
import type { Page } from "./Input.ts"
import type { Loader } from "./Loader.ts"
import type { Rest, RestError } from "./Rest.ts"

/** What a search found: newest first. `next` is the `before` that goes on from here; null when nothing is left to search. */
export interface Found {
  readonly messages: ReadonlyArray<Message>
  readonly next: number | null
}

/** Whom a user has blocked, by ascending id. `next` is the `after` of the page that follows; null at the end. */
export interface BlockPage {
  readonly blocks: ReadonlyArray<BlockEntry>
  readonly next: number | null
}

export interface SearchOptions {
  /** Only messages of this conversation. */
  readonly conversationId?: number
  /** Only messages with an id below this one. */
  readonly before?: number
  readonly limit?: number
}

/** The calls about other people, and about the user's own profile. */
export const make = (user_id: UserId, rest: Rest, loader: Loader) => {
  const blockParams = (blockedId: number) => ({ params: { user_id, blocked_id: blockedId } })

  return {
    users: (after?: number): Effect.Effect<ReadonlyArray<User>, RestError> =>
      rest(Calls.listUsers, { query: { after_id: after } }),
    findUsers: (beginning: string, after?: number): Effect.Effect<ReadonlyArray<User>, RestError> =>
      rest(Calls.listUsers, { query: { q: beginning, after_id: after } }),
    userNamed: (username: string): Effect.Effect<User | undefined, RestError> =>
      Effect.map(rest(Calls.listUsers, { query: { username } }), ([user]) => user),
    user: (userId: number): Effect.Effect<User, RestError> =>
      rest(Calls.getUser, { params: { user_id: userId } }),
    updateProfile: (change: UserChange): Effect.Effect<User, RestError> =>
      loader.asked(
        rest(Calls.updateUser, { params: { user_id }, payload: change }),
        (profile): Page => ({ type: "profile", profile })
      ),
    blocks: (after?: number): Effect.Effect<BlockPage, RestError> =>
      rest(Calls.listBlocks, { params: { user_id }, query: { after } }),
    block: (userId: number): Effect.Effect<void, RestError> =>
      Effect.asVoid(rest(Calls.block, blockParams(userId))),
    unblock: (userId: number): Effect.Effect<void, RestError> => rest(Calls.unblock, blockParams(userId)),
    report: (messageId: number, reason?: string): Effect.Effect<Report, RestError> =>
      rest(Calls.report, {
        params: { message_id: messageId },
        payload: { user_id, reason }
      }),
    search: (
      words: string,
      { conversationId, before, limit }: SearchOptions = {}
    ): Effect.Effect<Found, RestError> =>
      rest(Calls.search, {
        query: { user_id, q: words, conversation_id: conversationId, before_id: before, limit }
      })
  }
}
