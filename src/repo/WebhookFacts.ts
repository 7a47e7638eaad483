import { Context, Effect, Layer } from "effect"
import { Database } from "../database/Database.ts"
import { int4Array, int8Array } from "../database/SqlParameters.ts"
import type { Message } from "../domain/Message.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import type { UserId } from "../domain/User.ts"
import { MESSAGE_COLUMNS } from "./MessageColumns.ts"
import { type MessageRow, toMessage } from "./Rows.ts"
import type { WebhookEvent } from "./WebhookRepo.ts"

/** The object of an event, as it is now, and for a new message the other users who may read it. */
export interface WebhookFact {
  readonly data: Readonly<Record<string, unknown>>
  readonly recipients: ReadonlyArray<UserId>
}

type Json = Readonly<Record<string, unknown>>

/** A row as JSON, with the id by which it was looked up. */
interface Found {
  readonly id: number
  readonly json: Json
}

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
          inPipeline(sql<Found>`
            SELECT c.id, conversation_json(c.id) || jsonb_build_object('member_ids', to_jsonb(ARRAY(
              SELECT m.user_id FROM members m WHERE m.conversation_id = c.id ORDER BY m.user_id
            ))) AS json
            FROM conversations c WHERE c.id = ANY (${int8Array(ids)})`).pipe(Effect.map(byId))
        )

      const membersOf = (events: ReadonlyArray<WebhookEvent>) =>
        none(
          events.map(({ id }) => id),
          inPipeline(sql<Found>`
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
          inPipeline(sql<Found>`
            SELECT u.id, to_jsonb(u) AS json FROM users u WHERE u.id = ANY (${int4Array(ids)})`).pipe(
            Effect.map(byId)
          )
        )

      const reportsOf = (ids: ReadonlyArray<number>) =>
        none(
          ids,
          inPipeline(sql<Found>`
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
        const about = (subject: string) => events.filter(({ type }) => subjectOf(type) === subject)
        const messages = yield* messagesOf(
          [...about("message"), ...about("report")].map(({ messageId }) => messageId!)
        )
        const conversations = yield* conversationsOf(about("conversation").map(({ lane }) => lane))
        const members = yield* membersOf(about("member"))
        const users = yield* usersOf(about("user").map(({ userId }) => userId!))

        const reports = yield* reportsOf(about("report").map(({ reportId }) => reportId!))

        return events.map((event): WebhookFact | undefined => {
          switch (subjectOf(event.type)) {
            case "message": {
              const row = messages.get(event.messageId!)
              if (row === undefined) return undefined
              const message: Message = toMessage(row)
              const recipients =
                event.type === "message.created"
                  ? row.readers.filter((id) => id !== message.sender_id).map((id) => id as UserId)
                  : []
              return { data: { message }, recipients }
            }
            case "conversation": {
              const found = conversations.get(event.lane)
              return found && { data: { conversation: found.json }, recipients: [] }
            }
            case "member": {
              const data = { conversation_id: event.lane, user_id: event.userId }
              const member = members.get(event.id)?.json
              const isThere = event.type !== "conversation.member_removed" && member !== undefined
              return { data: isThere ? { ...data, member } : data, recipients: [] }
            }
            case "report": {
              const found = reports.get(event.reportId!)
              const row = messages.get(event.messageId!)
              if (found === undefined || row === undefined) return undefined
              const data = { conversation_id: event.lane, report: found.json, message: toMessage(row) }
              return { data, recipients: [] }
            }
            default: {
              const found = users.get(event.userId!)
              return found && { data: { user: userOf(found.json) }, recipients: [] }
            }
          }
        })
      })

      return WebhookFacts.of({ of })
    })
  )
}

const subjectOf = (type: string): "message" | "conversation" | "member" | "user" | "report" => {
  if (type === "message.reported") return "report"
  if (type.startsWith("conversation.member_")) return "member"
  if (type.startsWith("conversation.")) return "conversation"
  return type.startsWith("message.") ? "message" : "user"
}

/** The columns of a user that a payload has. */
const USER_FIELDS = ["id", "external_id", "username", "display_name", "avatar_url", "metadata"]

const USER_TIMES = ["created_at", "suspended_at", "deleted_at"]

/** A user as the backend of the application sees it. Of an erased one, no more than that it is erased. */
const userOf = (json: Json): Json => {
  const fields = json.deleted_at == null ? USER_FIELDS : ["id"]
  const present = (names: ReadonlyArray<string>) => names.filter((name) => json[name] != null)
  return Object.fromEntries([
    ...present(fields).map((name) => [name, json[name]]),
    ...present(USER_TIMES).map((name) => [name, new Date(String(json[name])).toISOString()])
  ])
}
