import { isDeepStrictEqual } from "node:util"
import { DateTime, Effect } from "effect"
import { Suspended } from "../domain/Caller.ts"
import type { Conversation } from "../domain/Conversation.ts"
import { GroupFull, MembersNotFound, NotMember } from "../domain/ConversationErrors.ts"
import type { Change } from "../domain/Event.ts"
import { Blocked, ClientIdConflict } from "../domain/Message.ts"
import { type UserId, UserNotFound } from "../domain/User.ts"
import type { NewGroup } from "./ConversationCalls.ts"
import { appendPayload } from "./MemoryEvents.ts"
import {
  blockOf,
  directOf,
  type MemoryConversation,
  type MemoryMember,
  makeDirect,
  nextConversationId,
  nextMessageId,
  type Tables
} from "./MemoryTables.ts"
import { conversationSeenBy, memberIds } from "./MemoryViews.ts"

/** The part of the memory layer of `ConversationRepo` that makes conversations. */
export const makingInMemory = (tables: Tables) => {
  const { conversations, inboxes } = tables

  /** The conversation as a user sees it, and an event for each member, each as that member sees it. */
  const made = (by: UserId, conversation: MemoryConversation, now: string): Change<Conversation> => ({
    value: Effect.succeed(conversationSeenBy(tables, by, conversation)),
    appended: memberIds(conversation).flatMap((userId) =>
      appendPayload(
        tables,
        [userId],
        "conversation_added",
        { conversation: conversationSeenBy(tables, userId, conversation) },
        now
      )
    )
  })

  const already = (by: UserId, conversation: MemoryConversation): Change<Conversation> => ({
    value: Effect.succeed(conversationSeenBy(tables, by, conversation)),
    appended: []
  })

  type Refusal = Suspended | UserNotFound | MembersNotFound | GroupFull | ClientIdConflict | NotMember

  const repeated = (earlier: MemoryConversation, group: NewGroup) => {
    if (!earlier.members.has(group.by)) return Effect.fail(new NotMember())
    return earlier.history === group.history && hasTexts(earlier, group)
      ? Effect.succeed(already(group.by, earlier))
      : Effect.fail(new ClientIdConflict())
  }

  const createGroup = (group: NewGroup, maximum: number) =>
    Effect.map(DateTime.now, DateTime.formatIso).pipe(
      Effect.flatMap((now): Effect.Effect<Change<Conversation>, Refusal> => {
        const { by, clientId } = group
        const ids = [...new Set([by, ...group.memberIds])].sort((a, b) => a - b)
        if (!inboxes.has(by)) return Effect.fail(new UserNotFound({ userId: by }))
        if (tables.suspended.has(by)) return Effect.fail(new Suspended())
        const earlier = [...conversations.values()].find(
          (other) => clientId !== undefined && other.createdBy === by && other.clientId === clientId
        )
        if (earlier !== undefined) return repeated(earlier, group)
        const unknown = ids.filter((id) => !inboxes.has(id))
        if (unknown.length > 0) return Effect.fail(new MembersNotFound({ userIds: unknown }))
        if (ids.length > maximum) return Effect.fail(new GroupFull({ maximum }))
        const place = nextMessageId(tables)
        const member = (userId: UserId): [UserId, MemoryMember] => [
          userId,
          {
            userId,
            role: userId === by ? "owner" : "member",
            joinedAt: now,
            joinedAfter: place,
            lastReadId: place
          }
        ]
        const conversation: MemoryConversation = {
          id: nextConversationId(tables),
          users: undefined,
          kind: "group",
          history: group.history,
          createdBy: by,
          createdAt: now,
          clientId,
          title: group.title,
          metadata: group.metadata,
          isChanged: false,
          members: new Map(ids.map(member))
        }
        conversations.set(conversation.id, conversation)
        return Effect.succeed(made(by, conversation, now))
      })
    )

  const createDirect = (by: UserId, other: UserId) =>
    Effect.map(DateTime.now, DateTime.formatIso).pipe(
      Effect.flatMap(
        (now): Effect.Effect<Change<Conversation>, Suspended | UserNotFound | MembersNotFound | Blocked> => {
          if (!inboxes.has(by)) return Effect.fail(new UserNotFound({ userId: by }))
          if (tables.suspended.has(by)) return Effect.fail(new Suspended())
          if (!inboxes.has(other)) return Effect.fail(new MembersNotFound({ userIds: [other] }))
          const known = directOf(tables, by, other)
          if (known === undefined && blockOf(tables, other, by) !== undefined)
            return Effect.fail(new Blocked())
          return Effect.succeed(
            known === undefined
              ? made(by, makeDirect(tables, [by, other], by, now, nextMessageId(tables)), now)
              : already(by, known)
          )
        }
      )
    )

  return { createGroup, createDirect }
}

/** Whether a group has the texts of the call that made it. A changed group is not compared: it may have others now. */
const hasTexts = ({ isChanged, title, metadata }: MemoryConversation, group: NewGroup) =>
  isChanged || (title === group.title && isDeepStrictEqual(metadata, group.metadata))
