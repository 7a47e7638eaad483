import { DateTime, Effect } from "effect"
import type { Member, Role } from "../domain/Conversation.ts"
import {
  ConversationNotFound,
  GroupFull,
  MembersNotFound,
  NotAGroup,
  NotMember,
  RoleForbids
} from "../domain/ConversationErrors.ts"
import type { ConversationId } from "../domain/ConversationId.ts"
import type { Change } from "../domain/Event.ts"
import { groupRights } from "../domain/GroupRights.ts"
import type { UserId } from "../domain/User.ts"
import { appendPayload } from "./MemoryEvents.ts"
import {
  type MemoryConversation,
  type MemoryMember,
  nextMessageId,
  refuseSuspended,
  type Tables
} from "./MemoryTables.ts"
import { conversationSeenBy, memberIds, memberSeen, memberSeenBy } from "./MemoryViews.ts"
import { pageOf } from "./PageOf.ts"

const has = (roles: ReadonlyArray<Role>, role: Role | undefined) => role !== undefined && roles.includes(role)

interface MemberPage {
  readonly members: ReadonlyArray<Member>
  readonly next: UserId | undefined
}

type Refusal = ConversationNotFound | NotMember | NotAGroup | RoleForbids | MembersNotFound | GroupFull

/** The part of the memory layer of `ConversationRepo` that is about members. */
export const membersInMemory = (tables: Tables) => {
  const { conversations, inboxes } = tables

  const members = (userId: UserId, id: ConversationId, after: UserId | undefined, limit: number) =>
    Effect.suspend((): Effect.Effect<MemberPage, ConversationNotFound | NotMember> => {
      const conversation = conversations.get(id)
      if (conversation === undefined) return Effect.fail(new ConversationNotFound())
      if (!conversation.members.has(userId)) return Effect.fail(new NotMember())
      const found = memberIds(conversation).filter((memberId) => memberId > (after ?? 0))
      const { page, next } = pageOf(found, limit, (memberId) => memberId)
      return Effect.succeed({
        members: page.map((memberId) =>
          memberSeenBy(tables, userId, conversation, conversation.members.get(memberId)!)
        ),
        next
      })
    })

  /** The fields that the events about a member share. */
  const about = (by: UserId, { id, members }: MemoryConversation) => ({
    conversation_id: id,
    by,
    member_count: members.size
  })

  const memberEvent = (
    type: "member_added" | "member_updated",
    by: UserId,
    conversation: MemoryConversation,
    member: MemoryMember,
    receivers: ReadonlyArray<UserId>,
    now: string
  ) =>
    appendPayload(
      tables,
      receivers,
      type,
      { ...about(by, conversation), member: memberSeen(tables, member) },
      now
    )

  const changeTime = (by: UserId) => Effect.andThen(refuseSuspended(tables, by), DateTime.now)

  const putMember = (
    by: UserId,
    id: ConversationId,
    memberId: UserId,
    wanted: Role | undefined,
    maximum: number
  ) =>
    Effect.flatMap(changeTime(by), (time): Effect.Effect<Change<Member>, Refusal> => {
      const now = DateTime.formatIso(time)
      const conversation = conversations.get(id)
      if (conversation === undefined) return Effect.fail(new ConversationNotFound())
      const { members, kind } = conversation
      const changer = members.get(by)
      const known = members.get(memberId)
      const role = wanted ?? "member"
      if (changer === undefined) return Effect.fail(new NotMember())
      if (kind === "direct") return Effect.fail(new NotAGroup())
      if (known !== undefined && (wanted === undefined || wanted === known.role))
        return Effect.succeed({ value: Effect.succeed(memberSeen(tables, known)), appended: [] })
      const needed = known === undefined && role === "member" ? groupRights.addMember : groupRights.changeRole
      if (!has(needed, changer.role) || known?.role === "owner") return Effect.fail(new RoleForbids())
      if (!inboxes.has(memberId)) return Effect.fail(new MembersNotFound({ userIds: [memberId] }))
      if (known === undefined && members.size >= maximum) return Effect.fail(new GroupFull({ maximum }))

      const before = memberIds(conversation)
      const place = known === undefined ? nextMessageId(tables) : 0
      const member = known ?? {
        userId: memberId,
        role,
        joinedAt: now,
        joinedAfter: place,
        lastReadId: place
      }
      member.role = role
      members.set(memberId, member)
      if (role === "owner") changer.role = "admin"
      const joining =
        known === undefined
          ? appendPayload(
              tables,
              [memberId],
              "conversation_added",
              { conversation: conversationSeenBy(tables, memberId, conversation) },
              now
            )
          : []
      const type = known === undefined ? "member_added" : "member_updated"
      const after = memberIds(conversation)
      return Effect.succeed({
        value: Effect.succeed(memberSeen(tables, member)),
        appended: [
          ...joining,
          ...memberEvent(type, by, conversation, member, before, now),
          ...(role === "owner" ? memberEvent("member_updated", by, conversation, changer, after, now) : [])
        ]
      })
    })

  const removeMember = (by: UserId, id: ConversationId, memberId: UserId) =>
    Effect.flatMap(
      changeTime(by),
      (time): Effect.Effect<Change<void>, Exclude<Refusal, MembersNotFound | GroupFull>> => {
        const now = DateTime.formatIso(time)
        const conversation = conversations.get(id)
        if (conversation === undefined) return Effect.fail(new ConversationNotFound())
        const { members, kind } = conversation
        const changer = members.get(by)
        const member = members.get(memberId)
        if (changer === undefined && (by !== memberId || kind === "direct"))
          return Effect.fail(new NotMember())
        if (kind === "direct") return Effect.fail(new NotAGroup())
        if (member === undefined) return Effect.succeed({ value: Effect.void, appended: [] })
        const mayRemove =
          by === memberId ||
          (member.role === "member" && has(groupRights.removeMember, changer?.role)) ||
          (member.role === "admin" && has(groupRights.removeAdmin, changer?.role))
        if (!mayRemove) return Effect.fail(new RoleForbids())

        members.delete(memberId)
        const successor = member.role === "owner" ? successorIn(conversation) : undefined
        if (successor !== undefined) successor.role = "owner"
        const receivers = memberIds(conversation)
        return Effect.succeed({
          value: Effect.void,
          appended: [
            ...appendPayload(tables, [memberId], "conversation_removed", { conversation_id: id, by }, now),
            ...appendPayload(
              tables,
              receivers,
              "member_removed",
              { ...about(by, conversation), user_id: memberId },
              now
            ),
            ...(successor === undefined
              ? []
              : memberEvent("member_updated", by, conversation, successor, receivers, now))
          ]
        })
      }
    )

  return { members, putMember, removeMember }
}

/** The oldest admin, else the oldest member. */
const successorIn = ({ members }: MemoryConversation): MemoryMember | undefined => {
  const oldestFirst = [...members.values()].sort(
    (a, b) => a.joinedAfter - b.joinedAfter || a.userId - b.userId
  )
  return oldestFirst.find(({ role }) => role === "admin") ?? oldestFirst[0]
}
