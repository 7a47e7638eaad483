import { Context, DateTime, Effect, Layer } from "effect"
import { Database } from "../database/Database.ts"
import { int4, int8 } from "../database/SqlParameters.ts"
import { Suspended } from "../domain/Caller.ts"
import { NotMember } from "../domain/ConversationErrors.ts"
import { MessageDeleted, type MessageId, MessageNotFound } from "../domain/Message.ts"
import type { Metadata } from "../domain/Metadata.ts"
import type { Report, ReportEntry, ReportedText } from "../domain/Moderation.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import type { UserId } from "../domain/User.ts"
import { type MemoryReport, MemoryTables } from "./MemoryTables.ts"
import { mayRead, messageAsNow } from "./MemoryViews.ts"
import { MESSAGE_COLUMNS } from "./MessageColumns.ts"
import { pageOf } from "./PageOf.ts"
import { type MessageRow, toMessage } from "./Rows.ts"
import { userParameter } from "./UserParameters.ts"

/** The refusals of a report. */
export type ReportDenied = Suspended | MessageNotFound | NotMember | MessageDeleted

/** A page of reports. `next` is the `after` of the next page; `undefined` after the last. */
export interface ReportList {
  readonly reports: ReadonlyArray<ReportEntry>
  readonly next: number | undefined
}

/** Users' reports of messages, for moderators. A user has at most one report of a message. */
export class ReportRepo extends Context.Service<
  ReportRepo,
  {
    /**
     * Stores a report of a message that the user may read, with what the message says now. A repeated call is answered with the first
     * report.
     */
    report(
      by: UserId,
      messageId: MessageId,
      reason: string | undefined
    ): Effect.Effect<Report, ReportDenied | Unavailable>
    /** Reports with their messages, as they were reported and as they are now, by ascending id, above `after`: at most `limit`. */
    list(after: number | undefined, limit: number): Effect.Effect<ReportList, Unavailable>
    /** Deletes a report, if it is there. */
    resolve(id: number): Effect.Effect<void, Unavailable>
  }
>()("minichat/repo/ReportRepo") {
  static readonly layer = Layer.effect(
    ReportRepo,
    Effect.gen(function* () {
      const { pipeline: sql, writes, inPipeline, orUnavailable } = yield* Database

      const report = Effect.fn("ReportRepo.report")(function* (
        by: UserId,
        messageId: MessageId,
        reason: string | undefined
      ) {
        const [row] = yield* orUnavailable(
          writes<StatusRow>`SELECT * FROM report_message(${userParameter(by)}, ${int8(messageId)}, ${reason ?? null})`
        )
        switch (row!.status) {
          case "message_not_found":
            return yield* new MessageNotFound()
          case "not_member":
            return yield* new NotMember()
          case "message_deleted":
            return yield* new MessageDeleted()
          case "suspended":
            return yield* new Suspended()
          case "reported":
            return toReport({ ...row!, message_id: messageId, reporter_id: by })
        }
      })

      const list = Effect.fn("ReportRepo.list")(function* (after: number | undefined, limit: number) {
        // One more than the page is read: it means that there is a next page.
        const rows = yield* inPipeline(
          sql<ListRow>`SELECT r.id AS report_id, r.message_id, r.reporter_id, r.reason, r.created_at,
              r.content AS reported_content, r.metadata AS reported_metadata, r.version AS reported_version, l.*
            FROM (SELECT * FROM reports WHERE id > ${int8(after ?? 0)} ORDER BY id LIMIT ${int4(limit + 1)}) r
            CROSS JOIN LATERAL (
              SELECT ${sql.literal(MESSAGE_COLUMNS)} FROM messages m WHERE m.id = r.message_id OFFSET 0
            ) l ORDER BY r.id`
        )
        return listOf(
          rows.map((row) => ({
            ...toReport({ ...row, id: row.report_id }),
            reported: reportedOf(row.reported_content, row.reported_metadata, row.reported_version),
            message: toMessage(row)
          })),
          limit
        )
      })

      const resolve = (id: number) =>
        Effect.asVoid(orUnavailable(writes`DELETE FROM reports WHERE id = ${int8(id)}`))

      return ReportRepo.of({ report, list, resolve })
    })
  )

  static readonly layerMemory = Layer.effect(
    ReportRepo,
    Effect.gen(function* () {
      const tables = yield* MemoryTables
      const { messages, conversations, reports, erasures, counters } = tables

      const report = (by: UserId, messageId: MessageId, reason: string | undefined) =>
        Effect.flatMap(DateTime.now, (now): Effect.Effect<Report, ReportDenied> => {
          const message = messages.get(messageId)
          if (message === undefined) return Effect.fail(new MessageNotFound())
          const conversation = conversations.get(message.conversationId)!
          if (erasures.has(by)) return Effect.fail(new NotMember())
          if (tables.suspended.has(by)) return Effect.fail(new Suspended())
          if (!conversation.members.has(by)) return Effect.fail(new NotMember())
          if (!mayRead(conversation, by, messageId)) return Effect.fail(new MessageNotFound())
          const known = reports.find((one) => one.messageId === messageId && one.reporterId === by)
          if (known !== undefined) return Effect.succeed(fromMemory(known))
          if (message.deletedAt !== undefined) return Effect.fail(new MessageDeleted())
          const made = {
            id: ++counters.reportId,
            messageId,
            reporterId: by,
            reason,
            createdAt: DateTime.formatIso(now),
            reported: reportedOf(message.content, message.metadata ?? null, message.version)
          }
          reports.push(made)
          return Effect.succeed(fromMemory(made))
        })

      const list = (after: number | undefined, limit: number) =>
        Effect.sync(() =>
          listOf(
            reports
              .filter(({ id }) => id > (after ?? 0))
              .map((one) => ({
                ...fromMemory(one),
                reported: one.reported,
                message: messageAsNow(tables, messages.get(one.messageId)!)
              })),
            limit
          )
        )

      const resolve = (id: number) =>
        Effect.sync(() => {
          const place = reports.findIndex((one) => one.id === id)
          if (place >= 0) reports.splice(place, 1)
        })

      return ReportRepo.of({ report, list, resolve })
    })
  ).pipe(Layer.provide(MemoryTables.layer))
}

interface ReportRow {
  readonly id: number
  readonly message_id: number
  readonly reporter_id: number | null
  readonly reason: string | null
  readonly created_at: Date
}

type StatusRow = ReportRow & {
  readonly status: "reported" | "message_not_found" | "not_member" | "suspended" | "message_deleted"
}

type ListRow = MessageRow &
  ReportRow & {
    readonly report_id: number
    readonly reported_content: string
    readonly reported_metadata: Metadata | null
    readonly reported_version: number
  }

/** `version` is left out when it is 1, as in a message. */
const reportedOf = (content: string, metadata: Metadata | null, version: number): ReportedText => ({
  content,
  ...(metadata === null ? {} : { metadata }),
  ...(version === 1 ? {} : { version })
})

const toReport = ({ id, message_id, reporter_id, reason, created_at }: ReportRow): Report => ({
  id,
  message_id: message_id as MessageId,
  ...(reporter_id === null ? {} : { reporter_id: reporter_id as UserId }),
  ...(reason === null ? {} : { reason }),
  created_at: created_at.toISOString()
})

const fromMemory = ({ id, messageId, reporterId, reason, createdAt }: MemoryReport): Report => ({
  id,
  message_id: messageId,
  ...(reporterId === undefined ? {} : { reporter_id: reporterId }),
  ...(reason === undefined ? {} : { reason }),
  created_at: createdAt
})

const listOf = (found: ReadonlyArray<ReportEntry>, limit: number): ReportList => {
  const { page, next } = pageOf(found, limit, ({ id }) => id)
  return { reports: page, next }
}
