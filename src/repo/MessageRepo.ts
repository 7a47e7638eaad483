import { Context, Effect, Layer } from "effect"
import type { Statement } from "effect/sql"
import { Database } from "../database/Database.ts"
import { int4, int8 } from "../database/SqlParameters.ts"
import { ConversationNotFound, NotMember } from "../domain/ConversationErrors.ts"
import {
  type Draft,
  type GroupDraft,
  type Message,
  type MessageId,
  MessageNotFound
} from "../domain/Message.ts"
import type { Outcome } from "../domain/Send.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import { MAX_USER_ID, type UserId } from "../domain/User.ts"
import { beginsAfter, isMember } from "./MembershipSql.ts"
import { MemoryTables } from "./MemoryTables.ts"
import { messageColumnsFor, NO_MESSAGE } from "./MessageColumns.ts"
import type { ConversationQuery, HistoryQuery, MessagesAt } from "./MessageQueries.ts"
import { messagePage, messageRange } from "./MessageRange.ts"
import { messagesInMemory } from "./MessagesInMemory.ts"
import { type MessageRow, toMessage } from "./Rows.ts"
import { sendGroupMessages } from "./SendGroupMessages.ts"
import { sendMessages } from "./SendMessages.ts"
import { columnId } from "./UserParameters.ts"

export type { ConversationQuery, HistoryQuery, MessagesAt } from "./MessageQueries.ts"

/** The messages, and the events that report them. */
export class MessageRepo extends Context.Service<
  MessageRepo,
  {
    /**
     * Commits messages and their inbox events, all in one transaction, and answers each draft in its place.
     *
     * Guarantees: an inbox gets its events numbered without gap, in the order of the message ids; a refused
     * draft takes no number and refuses no other; a sender's repeated `client_id` is answered with the first
     * message, or refused when content or receiver differ, also within one call and between nodes. After
     * `Unavailable` a draft may have been committed all the same: only a repeat with its `client_id` is safe.
     */
    send(drafts: ReadonlyArray<Draft>): Effect.Effect<ReadonlyArray<Outcome>>
    /**
     * Messages that a user sent or received, newest first, with the head of one moment. A page costs the same at any length
     * of the history.
     */
    history(query: HistoryQuery): Effect.Effect<MessagesAt, Unavailable>
    /**
     * Sends to groups: `send` for drafts to the members of a conversation. Refuses senders who are not members.
     */
    sendToGroups(drafts: ReadonlyArray<GroupDraft>): Effect.Effect<ReadonlyArray<Outcome>>
    /** A message, with its reactions, as a member of its conversation sees it. */
    find(userId: UserId, id: MessageId): Effect.Effect<Message, MessageNotFound | NotMember | Unavailable>
    /** A page of one conversation, as a member sees it, with its reactions and the head of one moment. */
    ofConversation(
      query: ConversationQuery
    ): Effect.Effect<MessagesAt, ConversationNotFound | NotMember | Unavailable>
    /** The latest messages that a user received, newest first, with the head of one moment. */
    received(userId: UserId, limit: number): Effect.Effect<MessagesAt, Unavailable>
  }
>()("minichat/repo/MessageRepo") {
  static readonly layer = Layer.effect(
    MessageRepo,
    Effect.gen(function* () {
      const database = yield* Database
      const { pipeline: sql, inPipeline } = database

      const columns = (reader: UserId) => messageColumnsFor(sql, reader)

      const noMessage = sql.literal(NO_MESSAGE)

      // The id of the user is a subquery, so that the plan is the same for all users.
      const any = (userId: UserId) => sql`(SELECT ${int4(userId)})`

      const historyRows = ({ userId, chatWith, beforeId, afterId, skip, limit }: HistoryQuery) => {
        const order = orderOf(afterId)
        const range = { after: sql`${int8(afterId ?? 0)}`, beforeId, order } as const
        if (chatWith !== undefined) {
          const value = sql.literal("c.id")
          const page = messagePage(sql, { ...range, column: "conversation_id", value, skip, limit })
          return sql`SELECT ${columns(userId)} FROM ${between(userId, chatWith)} c
            CROSS JOIN LATERAL (${page}) m`
        }
        const half = (column: "sender_id" | "receiver_id", select: "*" | "id") =>
          sql`(${messageRange(sql, { ...range, select, column, value: any(userId), count: skip + limit })})`
        // The user is the owner of both ranges, so that they are merged by id: each is read only as far as the page goes.
        const merged = (select: "*" | "id") =>
          sql`SELECT ${sql.literal(select)} FROM (${half("sender_id", select)} UNION ALL ${half("receiver_id", select)}) halves
            ORDER BY owner ${sql.literal(order)}, id ${sql.literal(order)} OFFSET ${int8(skip)} LIMIT ${int4(limit)}`
        // A page without `skip` reads the messages themselves: half as much work as to look each one up by its id. Those that are
        // passed over are found in the indexes alone. OFFSET 0 keeps the planner from joining them by reading all messages.
        return skip === 0
          ? sql`SELECT ${columns(userId)} FROM (${merged("*")}) m`
          : sql`SELECT ${columns(userId)} FROM (${merged("id")}) page
              CROSS JOIN LATERAL (SELECT * FROM messages WHERE id = page.id OFFSET 0) m`
      }

      const between = (one: UserId, other: UserId) =>
        sql`(SELECT id FROM conversations WHERE low = ${int4(Math.min(one, other))} AND high = ${int4(Math.max(one, other))} LIMIT 1)`

      // The first id that a member may read is looked up in the same statement. Without membership the page is empty.
      const pageOf = ({ userId, conversationId, beforeId, afterId, skip, limit }: ConversationQuery) => {
        const page = messagePage(sql, {
          column: "conversation_id",
          // A subquery, so that the plan is the same for all conversations, and is kept.
          value: sql`(SELECT ${int8(conversationId)})`,
          after: sql`greatest(${int8(afterId ?? 0)}, ${beginsAfter(sql, userId, conversationId)})`,
          beforeId,
          order: orderOf(afterId),
          skip,
          limit
        })
        return sql`SELECT ${columns(userId)} FROM (${page}) m
          WHERE ${isMember(sql, userId, conversationId)}`
      }

      // One statement, so one snapshot: the head, which is the first row, is that of the messages.
      const withHead = (userId: UserId, page: Statement.Fragment) =>
        sql<MessageRowAt>`SELECT last_seq AS head, ${noMessage} FROM inboxes WHERE user_id = ${int4(userId)}
          UNION ALL (SELECT NULL, page.* FROM (${page}) page)`.pipe(Effect.map(toMessagesAt), inPipeline)

      const history: MessageRepo["Service"]["history"] = (query) =>
        query.userId > MAX_USER_ID || (query.chatWith ?? 0) > MAX_USER_ID
          ? Effect.succeed(NOTHING)
          : Effect.map(withHead(query.userId, historyRows(query)), inOrderOf(query))

      const received: MessageRepo["Service"]["received"] = (userId, limit) =>
        userId > MAX_USER_ID
          ? Effect.succeed(NOTHING)
          : withHead(
              userId,
              sql`SELECT ${columns(userId)} FROM (${messagePage(sql, {
                column: "receiver_id",
                value: any(userId),
                after: sql.literal("0"),
                beforeId: undefined,
                order: "DESC",
                skip: 0,
                limit
              })}) m`
            )

      const ofConversation: MessageRepo["Service"]["ofConversation"] = Effect.fnUntraced(function* (query) {
        const { userId, conversationId } = query
        if (userId > MAX_USER_ID) return yield* new NotMember()
        const rows = yield* sql<MessageRowAt & AccessRow>`
          SELECT ${isMember(sql, userId, conversationId)} AS "isMember",
            EXISTS (SELECT FROM conversations WHERE id = ${int8(conversationId)}) AS "isThere",
            (SELECT last_seq FROM inboxes WHERE user_id = ${int4(userId)}) AS head, ${noMessage}
          UNION ALL (SELECT NULL, NULL, NULL, page.* FROM (${pageOf(query)}) page)`.pipe(inPipeline)
        const access = rows.find(({ id }) => id === null)
        if (access?.isThere !== true) return yield* new ConversationNotFound()
        if (access.isMember !== true) return yield* new NotMember()
        return inOrderOf(query)(toMessagesAt(rows))
      })

      const find: MessageRepo["Service"]["find"] = Effect.fnUntraced(function* (userId, id) {
        const reader = columnId(userId)
        const rows = yield* sql<MessageRow & { readonly refusal: "not_member" | "message_not_found" | null }>`
          SELECT ${columns(reader)}, may_read(${int4(reader)}, m.conversation_id, m.id) AS refusal
          FROM messages m WHERE m.id = ${int8(id)}`.pipe(inPipeline)
        const row = rows[0]
        if (row === undefined || row.refusal === "message_not_found") return yield* new MessageNotFound()
        return row.refusal === "not_member" ? yield* new NotMember() : toMessage(row)
      })

      return MessageRepo.of({
        send: sendMessages(database),
        sendToGroups: sendGroupMessages(database),
        find,
        ofConversation,
        history,
        received
      })
    })
  )

  static readonly layerMemory = Layer.effect(MessageRepo, messagesInMemory).pipe(
    Layer.provide(MemoryTables.layer)
  )
}

/** Whether there is such a conversation, and whether the reader is a member of it. */
interface AccessRow {
  readonly isThere: boolean | null
  readonly isMember: boolean | null
}

const NOTHING: MessagesAt = { head: undefined, messages: [] }

/** A message, or the row with the head. */
type MessageRowAt = (MessageRow & { readonly head: null }) | { readonly head: number; readonly id: null }

// SQL does not guarantee the order of the parts of a union.
const toMessagesAt = (rows: ReadonlyArray<MessageRowAt>): MessagesAt => {
  const head = rows.find(({ id }) => id === null)?.head ?? undefined
  // An erased user has no inbox, but is still the receiver of messages.
  if (head === undefined) return NOTHING
  return {
    head,
    messages: rows.flatMap((row) => (row.id === null ? [] : toMessage(row))).sort((a, b) => b.id - a.id)
  }
}

const orderOf = (afterId: MessageId | undefined) => (afterId === undefined ? "DESC" : "ASC")

/** Pages forward are oldest first. */
const inOrderOf =
  ({ afterId }: { readonly afterId?: MessageId | undefined }) =>
  ({ head, messages }: MessagesAt): MessagesAt => ({
    head,
    messages: afterId === undefined ? messages : messages.toReversed()
  })
