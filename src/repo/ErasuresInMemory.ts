import { createHash } from "node:crypto"
import { isDeepStrictEqual } from "node:util"
import { Clock, DateTime, Duration, Effect } from "effect"
import { type Erasure, tombstoneName } from "../domain/Erasure.ts"
import type { AppendedFact } from "../domain/Event.ts"
import { type ExternalId, type UserId, UserNotFound } from "../domain/User.ts"
import { type ErasureCalls, LEASE, type Step, type StepBounds } from "./ErasureCalls.ts"
import { lookOf } from "./Looks.ts"
import { membersInMemory } from "./MembersInMemory.ts"
import { appendAbout, appendPayload } from "./MemoryEvents.ts"
import { type MemoryConversation, type MemoryErasure, MemoryTables } from "./MemoryTables.ts"
import { conversationSeenBy, memberIds, readersOf } from "./MemoryViews.ts"

const NO_TEXTS = { title: undefined, metadata: undefined }

const NO_REPORTER = { reporterId: undefined, reason: undefined }

const DONE: Step = { appended: [], isDone: true }

/** The memory layer of `ErasureRepo`. */
export const erasuresInMemory = Effect.map(MemoryTables, (tables): ErasureCalls => {
  const { users, inboxes, erasures, conversations, messages, counters } = tables
  const { removeMember } = membersInMemory(tables)

  const shown = (userId: UserId, { orderedAt, finishedAt }: MemoryErasure): Erasure => ({
    user_id: userId,
    ordered_at: orderedAt,
    finished_at: finishedAt ?? null
  })

  const order: ErasureCalls["order"] = Effect.fnUntraced(function* (userId) {
    const known = erasures.get(userId)
    if (known !== undefined) return { erasure: shown(userId, known), isNew: false }
    const user = users[userId - 1]
    if (user === undefined) return yield* new UserNotFound({ userId })
    const erasure = {
      orderedAt: DateTime.formatIso(yield* DateTime.now),
      externalIdHash: user.external_id === undefined ? undefined : hashOf(user.external_id),
      wasSuspended: tables.suspended.has(userId),
      finishedAt: undefined,
      leasedUntil: 0
    }
    erasures.set(userId, erasure)
    users[userId - 1] = {
      id: userId,
      username: tombstoneName(userId),
      display_name: "",
      created_at: user.created_at
    }
    inboxes.delete(userId)
    tables.suspended.delete(userId)
    const look = lookOf(user.username)
    const alike = tables.looks.get(look.skeleton) ?? []
    tables.looks.set(
      look.skeleton,
      alike.filter((other) => !isDeepStrictEqual(other, look))
    )
    return { erasure: shown(userId, erasure), isNew: true }
  })

  const findErased: ErasureCalls["findErased"] = (externalId) =>
    Effect.sync(() => {
      const hash = hashOf(externalId)
      const last = [...erasures].findLast(([, { externalIdHash }]) => externalIdHash === hash)
      if (last === undefined) return undefined
      const [userId, { orderedAt, wasSuspended }] = last
      return { userId, orderedAt: Date.parse(orderedAt), wasSuspended }
    })

  const claim: ErasureCalls["claim"] = Effect.map(Clock.currentTimeMillis, (now) => {
    for (const [userId, erasure] of erasures) {
      if (erasure.finishedAt !== undefined || erasure.leasedUntil > now) continue
      erasure.leasedUntil = now + Duration.toMillis(LEASE)
      return userId
    }
    return undefined
  })

  const ofUser = (userId: UserId, kind: MemoryConversation["kind"]) =>
    [...conversations.values()].filter(
      (conversation) => conversation.kind === kind && conversation.members.has(userId)
    )

  /** Ends the membership of a direct conversation. The other user gets an event with the new name. */
  const leaveDirect = (userId: UserId, conversation: MemoryConversation, now: string) => {
    conversation.members.delete(userId)
    return memberIds(conversation).flatMap((peer) =>
      appendPayload(
        tables,
        [peer],
        "conversation_updated",
        { conversation: conversationSeenBy(tables, peer, conversation) },
        now
      )
    )
  }

  const reactionsOf = (userId: UserId) =>
    [...messages.values()].flatMap((message) =>
      [...message.reactions]
        .filter(([, reactors]) => reactors.has(userId))
        .map(([emoji, reactors]) => ({ message, emoji, reactors }))
    )

  /** The first items of a list that one step may erase: at least one. */
  const within = <A>(items: ReadonlyArray<A>, { rows, events }: StepBounds, cost: (item: A) => number) => {
    let left = events
    return items.slice(0, rows).filter((item, i) => {
      left -= cost(item)
      return i === 0 || left >= 0
    })
  }

  const eraseReactions = (userId: UserId, bounds: StepBounds, now: string) =>
    within(reactionsOf(userId), bounds, ({ message }) => readersOf(tables, message).length).flatMap(
      ({ message, emoji, reactors }) => {
        reactors.delete(userId)
        if (reactors.size === 0) message.reactions.delete(emoji)
        const payload = {
          message_id: message.id,
          conversation_id: message.conversationId,
          user_id: userId,
          emoji,
          added: false,
          count: reactors.size
        }
        return appendPayload(tables, readersOf(tables, message), "reaction", payload, now)
      }
    )

  const eraseMessages = (
    userId: UserId,
    bounds: StepBounds,
    now: string
  ): ReadonlyArray<AppendedFact> | undefined => {
    const left = [...messages.values()].filter((message) => message.senderId === userId && !message.isErased)
    if (left.length === 0) return undefined
    return within(left, bounds, (message) => readersOf(tables, message).length).flatMap((message) => {
      message.isErased = true
      message.content = ""
      message.metadata = undefined
      message.clientId = undefined
      message.version++
      message.deletedAt ??= now
      message.revision = ++counters.revision
      message.reactions.clear()
      for (const report of tables.reports) {
        if (report.messageId !== message.id) continue
        const { metadata: _, ...reported } = report.reported
        Object.assign(report, { reported: { ...reported, content: "" } })
      }
      return appendAbout(tables, message, "message_deleted", now)
    })
  }

  const step: ErasureCalls["step"] = Effect.fnUntraced(function* (userId, bounds) {
    const now = DateTime.formatIso(yield* DateTime.now)
    erasures.get(userId)!.leasedUntil = Date.parse(now) + Duration.toMillis(LEASE)
    const [group] = ofUser(userId, "group")
    if (group !== undefined) {
      const { appended } = yield* Effect.orDie(removeMember(userId, group.id, userId))
      if (group.members.size === 0) Object.assign(group, NO_TEXTS)
      return { appended, isDone: false }
    }
    const direct = ofUser(userId, "direct").slice(0, bounds.rows)
    if (direct.length > 0) {
      return { appended: direct.flatMap((one) => leaveDirect(userId, one, now)), isDone: false }
    }
    if (reactionsOf(userId).length > 0) {
      return { appended: eraseReactions(userId, bounds, now), isDone: false }
    }
    const deleted = eraseMessages(userId, bounds, now)
    if (deleted !== undefined) return { appended: deleted, isDone: false }
    for (const conversation of conversations.values()) {
      if (conversation.createdBy !== userId || conversation.kind === "direct") continue
      conversation.clientId = undefined
      if (conversation.members.size === 0) Object.assign(conversation, NO_TEXTS)
    }
    for (const { events } of inboxes.values()) {
      for (const [i, event] of events.entries()) {
        events[i] = { ...event, payload: withoutNames(userId, event.payload) }
      }
    }
    for (const report of tables.reports) {
      if (report.reporterId === userId) Object.assign(report, NO_REPORTER)
    }
    remove(tables.blocks, (block) => block.userId === userId)
    const blockers = remove(tables.blocks, ({ blockedId }) => blockedId === userId)
    if (blockers.length === 0) return DONE
    const payload = { blocked_id: userId, blocked: false }
    return {
      appended: appendPayload(
        tables,
        blockers.map((block) => block.userId),
        "block",
        payload,
        now
      ),
      isDone: false
    }
  })

  const peers: ErasureCalls["peers"] = (userId, after, limit) =>
    Effect.sync(() =>
      [...conversations.values()]
        .flatMap(({ users }) => (users?.includes(userId) ? users.filter((user) => user !== userId) : []))
        .filter((peer) => peer > after)
        .sort((a, b) => a - b)
        .slice(0, limit)
    )

  const finish: ErasureCalls["finish"] = (userId) =>
    Effect.map(DateTime.now, (now) => {
      erasures.get(userId)!.finishedAt = DateTime.formatIso(now)
    })

  return { order, findErased, claim, step, peers, finish }
})

const hashOf = (externalId: ExternalId) => createHash("sha256").update(externalId).digest("hex")

/** Removes the items that satisfy `isSo` from a list, and answers them. */
const remove = <A>(list: Array<A>, isSo: (item: A) => boolean): ReadonlyArray<A> => {
  const removed = list.filter(isSo)
  list.splice(0, list.length, ...list.filter((item) => !removed.includes(item)))
  return removed
}

/** The payload of an event without the names of a user. */
const withoutNames = (userId: UserId, payload: unknown): unknown => {
  if (typeof payload !== "object" || payload === null) return payload
  const id = "user_id" in payload ? payload.user_id : "id" in payload ? payload.id : undefined
  if (!("username" in payload && id === userId)) {
    return Array.isArray(payload)
      ? payload
      : Object.fromEntries(
          Object.entries(payload).map(([field, value]) => [field, withoutNames(userId, value)])
        )
  }
  const rest = Object.entries(payload).filter(([field]) => field !== "avatar_url" && field !== "metadata")
  return { ...Object.fromEntries(rest), username: tombstoneName(userId), display_name: "" }
}
