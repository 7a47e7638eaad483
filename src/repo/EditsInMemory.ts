import { isDeepStrictEqual } from "node:util"
import { DateTime, Effect, Result } from "effect"
import { Suspended } from "../domain/Caller.ts"
import { NotMember, RoleForbids } from "../domain/ConversationErrors.ts"
import type { AppendedFact, Change } from "../domain/Event.ts"
import { groupRights } from "../domain/GroupRights.ts"
import {
  Blocked,
  type Message,
  MessageDeleted,
  type MessageId,
  MessageNotFound,
  NotAuthor,
  TooManyReactions,
  VersionConflict
} from "../domain/Message.ts"
import { MAX_REACTION_KINDS } from "../domain/Reaction.ts"
import type { UserId } from "../domain/User.ts"
import type { Edit } from "./EditCalls.ts"
import { appendAbout, appendPayload } from "./MemoryEvents.ts"
import { blockOf, type MemoryConversation, type MemoryMessage, MemoryTables } from "./MemoryTables.ts"
import { mayRead, messageAsNow, messageSeenBy, readersOf } from "./MemoryViews.ts"

/** The events of a change, or its refusal. */
type Made<E> = Result.Result<ReadonlyArray<AppendedFact>, E>

const NONE: ReadonlyArray<AppendedFact> = []

/** The memory layer of `EditRepo`. */
export const editsInMemory = Effect.map(MemoryTables, (tables) => {
  /**
   * Changes a message that the user may read, or that is its own where an author may always change it, and answers it as the user
   * sees it afterwards.
   */
  const change = <E>(
    by: UserId,
    id: MessageId,
    make: (message: MemoryMessage, conversation: MemoryConversation, now: string) => Made<E>,
    isAlwaysForAuthor = false
  ) =>
    Effect.flatMap(
      DateTime.now,
      (now): Effect.Effect<Change<Message>, E | Suspended | MessageNotFound | NotMember> => {
        const message = tables.messages.get(id)
        if (message === undefined) return Effect.fail(new MessageNotFound())
        const conversation = tables.conversations.get(message.conversationId)!
        if (tables.suspended.has(by)) return Effect.fail(new Suspended())
        if (!(isAlwaysForAuthor && message.senderId === by && tables.inboxes.has(by))) {
          if (!conversation.members.has(by)) return Effect.fail(new NotMember())
          if (!mayRead(conversation, by, id)) return Effect.fail(new MessageNotFound())
        }
        const made = make(message, conversation, DateTime.formatIso(now))
        return Effect.map(Effect.fromResult(made), (appended) => ({
          value: Effect.succeed(messageSeenBy(tables, by, message)),
          appended
        }))
      }
    )

  /** Whether the other user of a direct conversation has blocked the user. */
  const isBlocked = (by: UserId, { senderId, receiverId }: MemoryMessage) => {
    const other = receiverId === by ? senderId : receiverId
    return other !== undefined && blockOf(tables, other, by) !== undefined
  }

  const edit = ({ by, messageId, content, version, metadata }: Edit) =>
    change(by, messageId, (message, _, now): Made<NotAuthor | Blocked | MessageDeleted | VersionConflict> => {
      if (message.senderId !== by) return Result.fail(new NotAuthor())
      if (message.deletedAt !== undefined) return Result.fail(new MessageDeleted())
      const next = metadata === undefined ? message.metadata : (metadata ?? undefined)
      if (message.content === content && isDeepStrictEqual(message.metadata, next))
        return Result.succeed(NONE)
      if (isBlocked(by, message)) return Result.fail(new Blocked())
      if (version !== undefined && version !== message.version)
        return Result.fail(new VersionConflict({ version: message.version }))
      message.content = content
      message.metadata = next
      message.version++
      message.editedAt = now
      message.revision = ++tables.counters.revision
      return Result.succeed(appendAbout(tables, message, "message_updated", now))
    })

  const deleteContent = (message: MemoryMessage, now: string): ReadonlyArray<AppendedFact> => {
    if (message.deletedAt !== undefined) return NONE
    message.content = ""
    message.metadata = undefined
    message.version++
    message.deletedAt = now
    message.revision = ++tables.counters.revision
    message.reactions.clear()
    return appendAbout(tables, message, "message_deleted", now)
  }

  const remove = (by: UserId, messageId: MessageId) =>
    change(
      by,
      messageId,
      (message, { kind, members }, now): Made<RoleForbids> => {
        const roles: ReadonlyArray<string> = kind === "group" ? groupRights.deleteMessage : []
        if (message.senderId !== by && !roles.includes(members.get(by)!.role))
          return Result.fail(new RoleForbids())
        return Result.succeed(deleteContent(message, now))
      },
      true
    )

  const removeAny = (messageId: MessageId) =>
    Effect.flatMap(DateTime.now, (now): Effect.Effect<Change<Message>, MessageNotFound> => {
      const message = tables.messages.get(messageId)
      if (message === undefined) return Effect.fail(new MessageNotFound())
      const appended = deleteContent(message, DateTime.formatIso(now))
      return Effect.succeed({ value: Effect.succeed(messageAsNow(tables, message)), appended })
    })

  const reactionEvent = (by: UserId, message: MemoryMessage, emoji: string, added: boolean, now: string) =>
    appendPayload(
      tables,
      readersOf(tables, message),
      "reaction",
      {
        message_id: message.id,
        conversation_id: message.conversationId,
        user_id: by,
        emoji,
        added,
        count: message.reactions.get(emoji)?.size ?? 0
      },
      now
    )

  const react = (by: UserId, messageId: MessageId, emoji: string) =>
    change(by, messageId, (message, _, now): Made<Blocked | MessageDeleted | TooManyReactions> => {
      const { deletedAt, reactions } = message
      if (deletedAt !== undefined) return Result.fail(new MessageDeleted())
      const users = reactions.get(emoji)
      if (users?.has(by)) return Result.succeed(NONE)
      if (isBlocked(by, message)) return Result.fail(new Blocked())
      if (users === undefined && reactions.size >= MAX_REACTION_KINDS)
        return Result.fail(new TooManyReactions())
      reactions.set(emoji, (users ?? new Map()).set(by, now))
      return Result.succeed(reactionEvent(by, message, emoji, true, now))
    })

  const unreact = (by: UserId, messageId: MessageId, emoji: string) =>
    change(by, messageId, (message, _, now): Made<never> => {
      const users = message.reactions.get(emoji)
      if (users?.delete(by) !== true) return Result.succeed(NONE)
      if (users.size === 0) message.reactions.delete(emoji)
      return Result.succeed(reactionEvent(by, message, emoji, false, now))
    })

  return { edit, remove, removeAny, react, unreact }
})
