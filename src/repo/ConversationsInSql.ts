import { Effect } from "effect"
import { Database } from "../database/Database.ts"
import { int4, int4Array, int8, textArray } from "../database/SqlParameters.ts"
import { Suspended } from "../domain/Caller.ts"
import type { Conversation } from "../domain/Conversation.ts"
import {
  ConversationNotFound,
  GroupFull,
  MembersNotFound,
  NotAGroup,
  NotMember,
  RoleForbids
} from "../domain/ConversationErrors.ts"
import type { ConversationId } from "../domain/ConversationId.ts"
import { groupRights } from "../domain/GroupRights.ts"
import { Blocked, ClientIdConflict, MessageNotFound } from "../domain/Message.ts"
import { MAX_USER_ID, type UserId, UserNotFound } from "../domain/User.ts"
import { appendedBy, type ChangeRow, changing } from "./ChangeRows.ts"
import type { ConversationCalls } from "./ConversationCalls.ts"
import * as Reads from "./ConversationReads.ts"
import { columnId, userParameter } from "./UserParameters.ts"

type Refusal =
  | "user_not_found"
  | "members_not_found"
  | "group_full"
  | "conflict"
  | "conversation_not_found"
  | "not_member"
  | "not_a_group"
  | "role_forbids"
  | "message_not_found"
  | "blocked"
  | "suspended"

type Row = ChangeRow<"changed" | "unchanged" | Refusal>

/** Conversations through the functions of `migrations/functions`. */
export const make = Effect.gen(function* () {
  const database = yield* Database
  const change = changing(database)
  const reads = Reads.make(database)

  const createGroup: ConversationCalls["createGroup"] = Effect.fn("ConversationRepo.createGroup")(
    function* (group, maximum) {
      const { by, title, memberIds, history, metadata, clientId } = group
      if (by > MAX_USER_ID) return yield* new UserNotFound({ userId: by })
      const rows = yield* change<Row>(
        (sql) => sql`SELECT * FROM create_group(
          ${int4(by)}, ${int4Array(memberIds.map(columnId))}, ${title}, ${history}, ${json(metadata)}::text::jsonb,
          ${clientId ?? null}, ${int4(maximum)}
        )`
      )
      const row = rows[0]!
      switch (row.status) {
        case "user_not_found":
          return yield* new UserNotFound({ userId: by })
        case "members_not_found":
          return yield* new MembersNotFound({ userIds: unknownOf(memberIds, row.users!) })
        case "group_full":
          return yield* new GroupFull({ maximum })
        case "conflict":
          return yield* new ClientIdConflict()
        case "not_member":
          return yield* new NotMember()
        case "suspended":
          return yield* new Suspended()
      }
      const value =
        row.type === null
          ? reads.conversation(by, row.id as ConversationId)
          : Effect.succeed(addedTo(rows, by))
      return { value, appended: appendedBy(rows) }
    }
  )

  const createDirect: ConversationCalls["createDirect"] = Effect.fn("ConversationRepo.createDirect")(
    function* (by, other) {
      if (by > MAX_USER_ID) return yield* new UserNotFound({ userId: by })
      if (other > MAX_USER_ID) return yield* new MembersNotFound({ userIds: [other] })
      const rows = yield* change<Row>((sql) => sql`SELECT * FROM create_direct(${int4(by)}, ${int4(other)})`)
      const row = rows[0]!
      if (row.status === "user_not_found") return yield* new UserNotFound({ userId: by })
      if (row.status === "members_not_found") return yield* new MembersNotFound({ userIds: [...row.users!] })
      if (row.status === "blocked") return yield* new Blocked()
      if (row.status === "suspended") return yield* new Suspended()
      const value =
        row.type === null
          ? reads.conversation(by, row.id as ConversationId)
          : Effect.succeed(addedTo(rows, by))
      return { value, appended: appendedBy(rows) }
    }
  )

  const update: ConversationCalls["update"] = Effect.fn("ConversationRepo.update")(function* (
    by,
    id,
    { title, metadata }
  ) {
    const rows = yield* change<Row>(
      (sql) => sql`SELECT * FROM update_conversation(
          ${userParameter(by)}, ${int8(id)}, ${title ?? null}, ${title !== undefined},
          ${json(metadata)}::text::jsonb, ${metadata !== undefined}, ${textArray(groupRights.changeGroup)}
        )`
    )
    yield* permitted(rows[0]!)
    return { value: reads.conversation(by, id), appended: appendedBy(rows) }
  })

  const putMember: ConversationCalls["putMember"] = Effect.fn("ConversationRepo.putMember")(
    function* (by, id, memberId, role, maximum) {
      const rows = yield* change<Row>(
        (sql) => sql`SELECT * FROM put_member(
          ${userParameter(by)}, ${int8(id)}, ${userParameter(memberId)}, ${role ?? null},
          ${textArray(groupRights.addMember)}, ${textArray(groupRights.changeRole)}, ${int4(maximum)}
        )`
      )
      const row = rows[0]!
      if (row.status === "members_not_found") return yield* new MembersNotFound({ userIds: [memberId] })
      if (row.status === "group_full") return yield* new GroupFull({ maximum })
      yield* permitted(row)
      return { value: reads.member(id, memberId), appended: appendedBy(rows) }
    }
  )

  const removeMember: ConversationCalls["removeMember"] = Effect.fn("ConversationRepo.removeMember")(
    function* (by, id, memberId) {
      const rows = yield* change<Row>(
        (sql) => sql`SELECT * FROM remove_member(
          ${userParameter(by)}, ${int8(id)}, ${userParameter(memberId)},
          ${textArray(groupRights.removeMember)}, ${textArray(groupRights.removeAdmin)}
        )`
      )
      yield* permitted(rows[0]!)
      return { value: Effect.void, appended: appendedBy(rows) }
    }
  )

  const markRead: ConversationCalls["markRead"] = Effect.fn("ConversationRepo.markRead")(
    function* (userId, id, messageId) {
      const rows = yield* change<Row>(
        (sql) => sql`SELECT * FROM mark_read(${userParameter(userId)}, ${int8(id)}, ${int8(messageId)})`
      )
      const row = rows[0]!
      if (row.status === "message_not_found") return yield* new MessageNotFound()
      if (row.status === "conversation_not_found") return yield* new ConversationNotFound()
      if (row.status === "not_member") return yield* new NotMember()
      if (row.status === "suspended") return yield* new Suspended()
      return { value: reads.readState(userId, id), appended: appendedBy(rows) }
    }
  )

  return {
    createGroup,
    createDirect,
    update,
    putMember,
    removeMember,
    markRead,
    find: reads.find,
    list: reads.list,
    count: reads.count,
    members: reads.members,
    addressees: reads.addressees,
    others: reads.others
  } satisfies ConversationCalls
})

const json = (value: unknown) => (value == null ? null : JSON.stringify(value))

/** The ids, ascending, whose columns' ids are unknown. */
const unknownOf = (ids: ReadonlyArray<UserId>, unknown: ReadonlyArray<number>) =>
  [...new Set(ids)].filter((id) => unknown.includes(columnId(id))).sort((a, b) => a - b)

/** Fails when a call on a group was refused. */
const permitted = ({ status }: Row) => {
  switch (status) {
    case "conversation_not_found":
      return Effect.fail(new ConversationNotFound())
    case "not_member":
      return Effect.fail(new NotMember())
    case "not_a_group":
      return Effect.fail(new NotAGroup())
    case "role_forbids":
      return Effect.fail(new RoleForbids())
    case "suspended":
      return Effect.fail(new Suspended())
    default:
      return Effect.void
  }
}

/** The conversation in the `conversation_added` event of a user. */
const addedTo = (rows: ReadonlyArray<Row>, userId: UserId): Conversation => {
  const row = rows.find(({ users }) => users?.includes(userId))
  return (row!.payload as { readonly conversation: Conversation }).conversation
}
