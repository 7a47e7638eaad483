import { Context, Effect, flow, Layer } from "effect"
import { AppConfig } from "../AppConfig.ts"
import type { Suspended } from "../domain/Caller.ts"
import type { Conversation, Member, Role } from "../domain/Conversation.ts"
import type {
  GroupFull,
  MembersNotFound,
  NotAGroup,
  NotMember,
  RoleForbids
} from "../domain/ConversationErrors.ts"
import type { ConversationId } from "../domain/ConversationId.ts"
import type { Blocked, ClientIdConflict } from "../domain/Message.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import type { UserId, UserNotFound } from "../domain/User.ts"
import {
  type ChangeDenied,
  ConversationRepo,
  type GroupChange,
  type NewGroup
} from "../repo/ConversationRepo.ts"
import { type Counted, committed, valueOf } from "./Committed.ts"

/**
 * Changes conversations and their members: commits each change with its events, then publishes these. Each call is safe to repeat;
 * `createGroup` with a `clientId` only. A group has at most `MAX_GROUP_MEMBERS` members.
 */
export class Conversations extends Context.Service<
  Conversations,
  {
    /** Makes a group, whose owner is its maker. */
    createGroup(
      group: NewGroup
    ): Effect.Effect<
      Conversation,
      Suspended | UserNotFound | MembersNotFound | GroupFull | ClientIdConflict | NotMember | Unavailable
    >
    /** The direct conversation of two users, which is made when there is none. */
    createDirect(
      by: UserId,
      other: UserId
    ): Effect.Effect<Conversation, Suspended | UserNotFound | MembersNotFound | Blocked | Unavailable>
    /** Changes title or metadata of a group. */
    update(
      by: UserId,
      id: ConversationId,
      change: GroupChange
    ): Effect.Effect<Counted<Conversation>, ChangeDenied | RoleForbids | NotAGroup>
    /** Adds a member to a group, or changes its role. */
    putMember(
      by: UserId,
      id: ConversationId,
      memberId: UserId,
      role: Role | undefined
    ): Effect.Effect<Counted<Member>, ChangeDenied | RoleForbids | NotAGroup | MembersNotFound | GroupFull>
    /** Removes a member from a group, or lets it leave. */
    removeMember(
      by: UserId,
      id: ConversationId,
      memberId: UserId
    ): Effect.Effect<void, ChangeDenied | RoleForbids | NotAGroup>
  }
>()("minichat/chat/Conversations") {
  static readonly layer = Layer.effect(
    Conversations,
    Effect.gen(function* () {
      const { maxGroupMembers } = yield* AppConfig
      const repo = yield* ConversationRepo
      const commit = yield* committed

      return Conversations.of({
        createGroup: (group) => valueOf(commit(repo.createGroup(group, maxGroupMembers))),
        createDirect: flow(repo.createDirect, commit, valueOf),
        update: flow(repo.update, commit),
        putMember: (by, id, memberId, role) =>
          commit(repo.putMember(by, id, memberId, role, maxGroupMembers)),
        removeMember: flow(repo.removeMember, commit, valueOf)
      })
    })
  )
}
