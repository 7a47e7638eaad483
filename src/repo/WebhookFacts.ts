import { Context, Effect, Layer } from "effect"
import { Database } from "../database/Database.ts"
import { int4Array, int8Array } from "../database/SqlParameters.ts"
import type { ConversationId } from "../domain/ConversationId.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import type { UserId } from "../domain/User.ts"
import type { UnreachedPayload, WebhookPayload, WebhookType } from "../domain/Webhook.ts"
import { MESSAGE_COLUMNS } from "./MessageColumns.ts"
import { type MessageRow, toMessage, toUser, type UserRow } from "./Rows.ts"
import type { WebhookEvent } from "./WebhookRepo.ts"

/** What is told of an event: its data as it is now, and for a new message the other users who may read it. */
export interface WebhookFact {
  readonly payload: UnreachedPayload
  readonly recipients: ReadonlyArray<UserId>
}

/** A row as JSON, with the id by which it was looked up. */
interface Found<Json> {
  readonly id: number
  readonly json: Json
}

type FoundConversation = Found<WebhookPayload<"conversation.created">["data"]["conversation"]>

type FoundMember = Found<NonNullable<WebhookPayload<"conversation.member_added">["data"]["member"]>>

type FoundReport = Found<WebhookPayload<"message.reported">["data"]["report"]>

/** Reads the objects of webhook events at their delivery. The queue holds no content, so that none outlives its deletion. */
export class WebhookFacts extends Context.Service<
  WebhookFacts,
  {
    /** The facts of events, place by place; none when the rows are deleted. */
    of(
      events: ReadonlyArray<WebhookEvent>
    ): Effect.Effect<ReadonlyArray<WebhookFact | undefined>, Unavailable>
  }
>()("minichat/repo/WebhookFacts") {
  static readonly layer = Layer.effect(
    WebhookFacts,
    Effect.gen(function* () {
      const { pipeline: sql, inPipeline } = yield* Database

      const byId = <Row extends { readonly id: number }>(rows: ReadonlyArray<Row>) =>
        new Map(rows.map((row) => [row.id, row]))

      const none = <Row>(ids: ReadonlyArray<number>, query: Effect.Effect<Map<number, Row>, Unavailable>) =>
        ids.length === 0 ? Effect.succeed(new Map<number, Row>()) : query

      const messagesOf = (ids: ReadonlyArray<number>) =>
        none(
          ids,
          inPipeline(sql<MessageRow & { readonly readers: ReadonlyArray<number> }>`
            SELECT ${sql.literal(MESSAGE_COLUMNS)}, readers_of(m.conversation_id, m.id) AS readers
            FROM messages m WHERE m.id = ANY (${int8Array(ids)})`).pipe(Effect.map(byId))
        )

      const conversationsOf = (ids: ReadonlyArray<number>) =>
        none(
          ids,
          inPipeline(sql<FoundConversation>`
            SELECT c.id, conversation_json(c.id) || jsonb_build_object('member_ids', to_jsonb(ARRAY(
              SELECT m.user_id FROM members m WHERE m.conversation_id = c.id ORDER BY m.user_id
            ))) AS json
            FROM conversations c WHERE c.id = ANY (${int8Array(ids)})`).pipe(Effect.map(byId))
        )

      const membersOf = (events: ReadonlyArray<WebhookEvent>) =>
        none(
          events.map(({ id }) => id),
          inPipeline(sql<FoundMember>`
            SELECT e.id, member_json(e.conversation_id, e.user_id) AS json
            FROM unnest(
              ${int8Array(events.map(({ id }) => id))}, ${int8Array(events.map(({ lane }) => lane))},
              ${int4Array(events.map(({ userId }) => userId!))}
            ) AS e (id, conversation_id, user_id)
            WHERE EXISTS (SELECT FROM members m WHERE m.conversation_id = e.conversation_id AND m.user_id = e.user_id)`).pipe(
            Effect.map(byId)
          )
        )

      const usersOf = (ids: ReadonlyArray<number>) =>
        none(
          ids,
          inPipeline(sql<WebhookUserRow>`
            SELECT u.id, u.username, u.display_name, u.created_at, u.external_id, u.avatar_url, u.metadata,
              u.suspended_at, u.deleted_at
            FROM users u WHERE u.id = ANY (${int4Array(ids)})`).pipe(Effect.map(byId))
        )

      const reportsOf = (ids: ReadonlyArray<number>) =>
        none(
          ids,
          inPipeline(sql<FoundReport>`
            SELECT r.id, jsonb_strip_nulls(jsonb_build_object(
              'id', r.id, 'message_id', r.message_id, 'reporter_id', r.reporter_id, 'reason', r.reason,
              'created_at', json_time(r.created_at)
            )) || jsonb_build_object('reported',
              jsonb_strip_nulls(jsonb_build_object('content', r.content, 'version', nullif(r.version, 1)))
              || CASE WHEN r.metadata IS NULL THEN '{}' ELSE jsonb_build_object('metadata', r.metadata) END
            ) AS json
            FROM reports r WHERE r.id = ANY (${int8Array(ids)})`).pipe(Effect.map(byId))
        )

      const of = Effect.fn("WebhookFacts.of")(function* (events: ReadonlyArray<WebhookEvent>) {
        const about = (subject: Subject) => events.filter((event) => isAbout(event, subject))
        const messages = yield* messagesOf(
          [...about("message"), ...about("report")].map(({ messageId }) => messageId!)
        )
        const conversations = yield* conversationsOf(about("conversation").map(({ lane }) => lane))
        const members = yield* membersOf(about("member"))
        const users = yield* usersOf(about("user").map(({ userId }) => userId!))

        const reports = yield* reportsOf(about("report").map(({ reportId }) => reportId!))

        const payloadOf = (event: WebhookEvent): UnreachedPayload | undefined => {
          const timestamp = event.happenedAt.toISOString()
          if (isAbout(event, "message")) {
            const row = messages.get(event.messageId!)
            return row && { type: event.type, timestamp, data: { message: toMessage(row) } }
          }
          if (isAbout(event, "conversation")) {
            const found = conversations.get(event.lane)
            return found && { type: event.type, timestamp, data: { conversation: found.json } }
          }
          if (isAbout(event, "member")) {
            const data = { conversation_id: event.lane as ConversationId, user_id: event.userId as UserId }
            if (event.type === "conversation.member_removed") return { type: event.type, timestamp, data }
            const member = members.get(event.id)?.json
            return { type: event.type, timestamp, data: member === undefined ? data : { ...data, member } }
          }
          if (isAbout(event, "report")) {
            const report = reports.get(event.reportId!)?.json
            const row = messages.get(event.messageId!)
            if (report === undefined || row === undefined) return undefined
            const data = { conversation_id: event.lane as ConversationId, report, message: toMessage(row) }
            return { type: event.type, timestamp, data }
          }
          if (!isAbout(event, "user")) return undefined
          const row = users.get(event.userId!)
          if (row === undefined) return undefined
          if (row.deleted_at !== null) {
            return { type: event.type, timestamp, data: { user: toErased(row, row.deleted_at) } }
          }
          // Only who is erased was deleted.
          if (event.type === "user.deleted") return undefined
          return { type: event.type, timestamp, data: { user: toKnown(row) } }
        }

        const recipientsOf = (event: WebhookEvent) => {
          const row = event.type === "message.created" ? messages.get(event.messageId!) : undefined
          return row === undefined ? [] : row.readers.filter((id) => id !== row.sender_id)
        }

        return events.map((event) => {
          const payload = payloadOf(event)
          return payload && { payload, recipients: recipientsOf(event).map((id) => id as UserId) }
        })
      })

      return WebhookFacts.of({ of })
    })
  )
}

/** Types of events by what they are about. */
type TypesAbout<About extends Subject> = {
  readonly message: Exclude<WebhookType & `message.${string}`, "message.reported">
  readonly report: "message.reported"
  readonly conversation: "conversation.created" | "conversation.updated"
  readonly member: WebhookType & `conversation.member_${string}`
  readonly user: WebhookType & `user.${string}`
}[About]

type Subject = "message" | "report" | "conversation" | "member" | "user"

/** By the beginning of the type: a row that the functions of a newer release wrote may have a type that this release does not know. */
const subjectOf = (type: string): Subject => {
  if (type === "message.reported") return "report"
  if (type.startsWith("conversation.member_")) return "member"
  if (type.startsWith("conversation.")) return "conversation"
  return type.startsWith("message.") ? "message" : "user"
}

const isAbout = <const About extends Subject>(
  event: WebhookEvent,
  subject: About
): event is WebhookEvent & { readonly type: TypesAbout<About> } => subjectOf(event.type) === subject

interface WebhookUserRow extends UserRow {
  readonly suspended_at: Date | null
  readonly deleted_at: Date | null
}

/** A user as the backend of the application sees it. */
const toKnown = (row: WebhookUserRow) => ({
  ...toUser(row),
  ...(row.suspended_at === null ? {} : { suspended_at: row.suspended_at.toISOString() })
})

/** Of a user that is erased, no more than that it is. */
const toErased = ({ id, created_at }: WebhookUserRow, deletedAt: Date) => ({
  id: id as UserId,
  created_at: created_at.toISOString(),
  deleted_at: deletedAt.toISOString()
})
