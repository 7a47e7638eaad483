import { PgTypes } from "@effect/sql-pg"
import { Effect } from "effect"
import { Database } from "../database/Database.ts"
import { int4, int8, textArray } from "../database/SqlParameters.ts"
import { Suspended } from "../domain/Caller.ts"
import { NotMember, RoleForbids } from "../domain/ConversationErrors.ts"
import type { Change } from "../domain/Event.ts"
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
import type { Unavailable } from "../domain/Unavailable.ts"
import type { UserId } from "../domain/User.ts"
import { appendedBy, type ChangeRow, changing } from "./ChangeRows.ts"
import type { EditCalls, MessageDenied } from "./EditCalls.ts"
import { messageColumnsFor } from "./MessageColumns.ts"
import { type MessageRow, toMessage } from "./Rows.ts"
import { userParameter } from "./UserParameters.ts"

type Refusal =
  | "suspended"
  | "message_not_found"
  | "not_member"
  | "not_author"
  | "message_deleted"
  | "version_conflict"
  | "too_many_reactions"
  | "role_forbids"
  | "blocked"

/** The largest version that the `int4` column holds. One above it is a version that no message has. */
const MAX_VERSION = 2_147_483_647

const NULL = PgTypes.int4(null as never)

type Row = ChangeRow<"changed" | "unchanged" | Refusal> & { readonly version?: number | null }

/** The changes of messages through the functions of `migrations/functions`. */
export const make = Effect.gen(function* () {
  const database = yield* Database
  const { pipeline: sql, inPipeline } = database
  const change = changing(database)

  // The message after the commit. It may have another change already, whose event comes later.
  const seenBy = (reader: UserId, id: MessageId): Effect.Effect<Message, Unavailable> =>
    sql<MessageRow>`SELECT ${messageColumnsFor(sql, reader)} FROM messages m WHERE m.id = ${int8(id)}`.pipe(
      Effect.map((rows) => toMessage(rows[0]!)),
      inPipeline
    )

  /** The message, read a second time when that fails: the connection may have broken after the commit. */
  const seenAfterwards = (by: UserId, id: MessageId) => Effect.retry(seenBy(by, id), { times: 1 })

  const answer = Effect.fnUntraced(function* (
    by: UserId,
    id: MessageId,
    rows: ReadonlyArray<Row>
  ): Effect.fn.Return<Change<Message>, Unavailable> {
    // The events hold the message: without it none is published.
    const value = yield* seenAfterwards(by, id)
    const { reactions: _, ...shown } = value
    // A later edit is not published to those who were members at this one: one may have been removed in between. The event of the
    // later edit, or of the removal, shows each node the gap, and it reads this one with what its reader may see.
    const edited = rows[0]!.version
    const isLater = edited != null && shown.deleted_at === undefined && (shown.version ?? 1) > edited
    return { value: Effect.succeed(value), appended: isLater ? [] : appendedBy(rows, shown) }
  })

  /** The events of reactions hold no message: they are published first. */
  const reacted = (by: UserId, id: MessageId, rows: ReadonlyArray<Row>): Change<Message> => ({
    value: seenAfterwards(by, id),
    appended: appendedBy(rows)
  })

  const denied = ({ status }: Row): Effect.Effect<never, MessageDenied> | undefined => {
    if (status === "suspended") return Effect.fail(new Suspended())
    if (status === "message_not_found") return Effect.fail(new MessageNotFound())
    return status === "not_member" ? Effect.fail(new NotMember()) : undefined
  }

  const edit: EditCalls["edit"] = Effect.fn("EditRepo.edit")(function* (given) {
    const { by, messageId, content, version, metadata } = given
    const rows = yield* change<Row>(
      (sql) => sql`SELECT * FROM edit_message(
        ${userParameter(by)}, ${int8(messageId)}, ${content}, ${version === undefined ? NULL : int4(Math.min(version, MAX_VERSION))},
        ${metadata == null ? null : JSON.stringify(metadata)}::text::jsonb, ${metadata !== undefined}
      )`
    )
    const row = rows[0]!
    const refusal = denied(row)
    if (refusal !== undefined) return yield* refusal
    switch (row.status) {
      case "not_author":
        return yield* new NotAuthor()
      case "blocked":
        return yield* new Blocked()
      case "message_deleted":
        return yield* new MessageDeleted()
      case "version_conflict":
        return yield* new VersionConflict({ version: row.version! })
    }
    return yield* answer(by, messageId, rows)
  })

  const remove: EditCalls["remove"] = Effect.fn("EditRepo.remove")(function* (by, messageId) {
    const rows = yield* change<Row>(
      (sql) =>
        sql`SELECT * FROM delete_message(${userParameter(by)}, ${int8(messageId)}, ${textArray(groupRights.deleteMessage)})`
    )
    const refusal = denied(rows[0]!)
    if (refusal !== undefined) return yield* refusal
    if (rows[0]!.status === "role_forbids") return yield* new RoleForbids()
    return yield* answer(by, messageId, rows)
  })

  const removeAny: EditCalls["removeAny"] = Effect.fn("EditRepo.removeAny")(function* (messageId) {
    const rows = yield* change<Row>(
      (sql) => sql`SELECT * FROM delete_message(${NULL}, ${int8(messageId)}, ${textArray([])})`
    )
    if (rows[0]!.status === "message_not_found") return yield* new MessageNotFound()
    return yield* answer(0 as UserId, messageId, rows)
  })

  const changeReaction = (by: UserId, messageId: MessageId, emoji: string, adds: boolean) =>
    change<Row>(
      (sql) => sql`SELECT * FROM change_reaction(
        ${userParameter(by)}, ${int8(messageId)}, ${emoji}, ${adds}, ${int4(MAX_REACTION_KINDS)}
      )`
    )

  const react: EditCalls["react"] = Effect.fn("EditRepo.react")(function* (by, messageId, emoji) {
    const rows = yield* changeReaction(by, messageId, emoji, true)
    const refusal = denied(rows[0]!)
    if (refusal !== undefined) return yield* refusal
    if (rows[0]!.status === "blocked") return yield* new Blocked()
    if (rows[0]!.status === "message_deleted") return yield* new MessageDeleted()
    if (rows[0]!.status === "too_many_reactions") return yield* new TooManyReactions()
    return reacted(by, messageId, rows)
  })

  const unreact: EditCalls["unreact"] = Effect.fn("EditRepo.unreact")(function* (by, messageId, emoji) {
    const rows = yield* changeReaction(by, messageId, emoji, false)
    const refusal = denied(rows[0]!)
    if (refusal !== undefined) return yield* refusal
    return reacted(by, messageId, rows)
  })

  return { edit, remove, removeAny, react, unreact } satisfies EditCalls
})
