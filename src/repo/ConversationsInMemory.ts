import { isDeepStrictEqual } from "node:util"
import { DateTime, Effect } from "effect"
import type { Conversation, ReadState, Role } from "../domain/Conversation.ts"
import { ConversationNotFound, NotAGroup, NotMember, RoleForbids } from "../domain/ConversationErrors.ts"
import type { ConversationId } from "../domain/ConversationId.ts"
import type { Change } from "../domain/Event.ts"
import { groupRights } from "../domain/GroupRights.ts"
import { type MessageId, MessageNotFound } from "../domain/Message.ts"
import { type UserId, UserNotFound } from "../domain/User.ts"
import type { Addressees, GroupChange } from "./ConversationCalls.ts"
import { makingInMemory } from "./ConversationMakingInMemory.ts"
import { membersInMemory } from "./MembersInMemory.ts"
import { appendPayload } from "./MemoryEvents.ts"
import {
  blockOf,
  type MemoryConversation,
  type MemoryMember,
  MemoryTables,
  refuseSuspended
} from "./MemoryTables.ts"
import {
  conversationForAll,
  conversationSeenBy,
  entryFor,
  mayRead,
  memberIds,
  readStateOf
} from "./MemoryViews.ts"
import { pageOf } from "./PageOf.ts"

const has = (roles: ReadonlyArray<Role>, role: Role) => roles.includes(role)

/** The memory layer of `ConversationRepo`. */
export const conversationsInMemory = Effect.map(MemoryTables, (tables) => {
  const { conversations, inboxes, messages } = tables

  const hasBlocked = (by: UserId, other: UserId) => blockOf(tables, by, other) !== undefined

  /** Runs a call of a member on its conversation. Fails when there is none, or the user is no member. */
  const asMember = <A, E>(
    userId: UserId,
    id: ConversationId,
    run: (conversation: MemoryConversation, member: MemoryMember, now: string) => Effect.Effect<A, E>
  ) =>
    Effect.flatMap(DateTime.now, (now): Effect.Effect<A, E | ConversationNotFound | NotMember> => {
      const conversation = conversations.get(id)
      if (conversation === undefined) return Effect.fail(new ConversationNotFound())
      const member = conversation.members.get(userId)
      if (member === undefined) return Effect.fail(new NotMember())
      return run(conversation, member, DateTime.formatIso(now))
    })

  /** Runs a change of a member: a suspended user makes none. */
  const changing = <A, E>(
    userId: UserId,
    id: ConversationId,
    run: (conversation: MemoryConversation, member: MemoryMember, now: string) => Effect.Effect<A, E>
  ) => Effect.andThen(refuseSuspended(tables, userId), asMember(userId, id, run))

  const find = (userId: UserId, id: ConversationId) =>
    asMember(userId, id, (conversation, member) => Effect.succeed(entryFor(tables, conversation, member)))

  const list = (userId: UserId, limit: number, before: number | undefined) =>
    Effect.suspend(() => {
      if (!inboxes.has(userId)) return Effect.fail(new UserNotFound({ userId }))
      const found = [...conversations.values()]
        .flatMap((conversation) => {
          const member = conversation.members.get(userId)
          return member === undefined ? [] : entryFor(tables, conversation, member)
        })
        .filter(({ activity }) => activity < (before ?? Infinity))
        .sort((a, b) => b.activity - a.activity)
      const { page, next } = pageOf(found, limit, ({ activity }) => activity)
      return Effect.succeed({ conversations: page, next })
    })

  const count = (userId: UserId, atMost: number) =>
    Effect.sync(() =>
      Math.min(atMost, [...conversations.values()].filter(({ members }) => members.has(userId)).length)
    )

  const update = (by: UserId, id: ConversationId, { title, metadata }: GroupChange) =>
    changing(
      by,
      id,
      (conversation, { role }, now): Effect.Effect<Change<Conversation>, RoleForbids | NotAGroup> => {
        if (conversation.kind === "direct") return Effect.fail(new NotAGroup())
        if (!has(groupRights.changeGroup, role)) return Effect.fail(new RoleForbids())
        const next = {
          title: title ?? conversation.title,
          metadata: metadata === undefined ? conversation.metadata : (metadata ?? undefined)
        }
        const isChange = !isDeepStrictEqual(next, {
          title: conversation.title,
          metadata: conversation.metadata
        })
        if (isChange) Object.assign(conversation, next, { isChanged: true })
        return Effect.succeed({
          value: Effect.succeed(conversationSeenBy(tables, by, conversation)),
          appended: isChange
            ? appendPayload(
                tables,
                memberIds(conversation),
                "conversation_updated",
                { conversation: conversationForAll(conversation) },
                now
              )
            : []
        })
      }
    )

  const markRead = (userId: UserId, id: ConversationId, messageId: MessageId) =>
    changing(userId, id, (conversation, member, now): Effect.Effect<Change<ReadState>, MessageNotFound> => {
      const message = messages.get(messageId)
      if (message?.conversationId !== id || !mayRead(conversation, userId, messageId))
        return Effect.fail(new MessageNotFound())
      const moves = messageId > member.lastReadId
      if (moves) member.lastReadId = messageId
      const payload = { conversation_id: id, user_id: userId, message_id: messageId }
      const receivers =
        conversation.kind === "direct"
          ? memberIds(conversation).filter((other) => !hasBlocked(other, userId))
          : [userId]
      return Effect.succeed({
        value: Effect.succeed(readStateOf(tables, conversation, member)),
        appended: moves ? appendPayload(tables, receivers, "read", payload, now) : []
      })
    })

  const addressees = (id: ConversationId) =>
    Effect.sync((): Addressees | undefined => {
      const conversation = conversations.get(id)
      if (conversation === undefined) return undefined
      return conversation.users === undefined
        ? { kind: "group" }
        : { kind: "direct", users: conversation.users }
    })

  const others = (userId: UserId, id: ConversationId) =>
    asMember(userId, id, (conversation) =>
      Effect.succeed(
        memberIds(conversation).filter(
          (other) => other !== userId && !(conversation.kind === "direct" && hasBlocked(other, userId))
        )
      )
    )

  return {
    ...makingInMemory(tables),
    ...membersInMemory(tables),
    find,
    list,
    count,
    update,
    markRead,
    addressees,
    others
  }
})
