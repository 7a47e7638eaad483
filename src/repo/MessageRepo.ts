import { Context, DateTime, Effect, Layer, Result } from "effect"
import type { Statement } from "effect/sql"
import { Database } from "../database/Database.ts"
import { int4, int8 } from "../database/SqlParameters.ts"
import {
  ClientIdConflict,
  type Draft,
  type Message,
  MessageId,
  ReceiverNotFound,
  type SendError,
  SenderNotFound
} from "../domain/Message.ts"
import type { Appended, Outcome, Sent } from "../domain/Send.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import { MAX_USER_ID, type UserId } from "../domain/User.ts"
import { append, MemoryTables } from "./MemoryTables.ts"
import { type MessageRow, toMessage } from "./Rows.ts"
import { sendMessages } from "./SendMessages.ts"

/** Messages, and the head of the user's inbox when they were read; no head for a user that does not exist. */
export interface MessagesAt {
  readonly head: number | undefined
  readonly messages: ReadonlyArray<Message>
}

export interface HistoryQuery {
  readonly userId: UserId
  /** Only messages exchanged with this user. */
  readonly chatWith?: UserId | undefined
  /** Only messages with a smaller id. */
  readonly beforeId?: MessageId | undefined
  readonly skip: number
  readonly limit: number
}

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
     * Messages that a user sent or received, newest first, with the head of one moment. A page costs the same however long
     * the history is.
     */
    history(query: HistoryQuery): Effect.Effect<MessagesAt, Unavailable>
    /** The latest messages that a user received, newest first, with the head of one moment. */
    received(userId: UserId, limit: number): Effect.Effect<MessagesAt, Unavailable>
  }
>()("minichat/repo/MessageRepo") {
  static readonly layer = Layer.effect(
    MessageRepo,
    Effect.gen(function* () {
      const database = yield* Database
      const { pipeline: sql, inPipeline } = database

      const columns = sql.literal(
        `m.id, m.sender_id, (SELECT u.username FROM users u WHERE u.id = m.sender_id) AS sender_username,
         m.receiver_id, m.content, m.timestamp`
      )

      const noMessage = sql.literal(
        `NULL::bigint AS id, NULL::int AS sender_id, NULL::varchar AS sender_username,
         NULL::int AS receiver_id, NULL::varchar AS content, NULL::timestamptz AS timestamp`
      )

      // A user's id goes in as a subquery, so that the plan is the same for all users. The planner would else walk
      // the primary key for a user with a large share of all messages, past every later message of the others.
      const any = (userId: UserId) => sql`(SELECT ${int4(userId)})`

      // Each half is a range of an index, read in id order and only as far as the page goes; the two are merged, so
      // no page is ever sorted.
      const historyRows = ({ userId, chatWith, beforeId, skip, limit }: HistoryQuery) => {
        const me = any(userId)
        const before = int8(beforeId ?? Number.MAX_SAFE_INTEGER)
        const half = (isWanted: Statement.Fragment) =>
          sql`(SELECT * FROM messages WHERE ${isWanted} AND id < ${before} ORDER BY id DESC LIMIT ${int8(skip + limit)})`
        const sent =
          chatWith === undefined
            ? half(sql`sender_id = ${me}`)
            : half(sql`sender_id = ${me} AND receiver_id = ${any(chatWith)}`)
        const received =
          chatWith === undefined
            ? half(sql`receiver_id = ${me}`)
            : half(sql`receiver_id = ${me} AND sender_id = ${any(chatWith)}`)
        return sql`SELECT ${columns} FROM (${sent} UNION ALL ${received}) m
          ORDER BY m.id DESC OFFSET ${int8(skip)} LIMIT ${int4(limit)}`
      }

      // One statement, so one snapshot: the head, which is the first row, is that of the messages.
      const withHead = (userId: UserId, page: Statement.Fragment) =>
        sql<MessageRowAt>`SELECT last_seq AS head, ${noMessage} FROM inboxes WHERE user_id = ${int4(userId)}
          UNION ALL (SELECT NULL, page.* FROM (${page}) page)`.pipe(Effect.map(toMessagesAt), inPipeline)

      const history: MessageRepo["Service"]["history"] = (query) =>
        query.userId > MAX_USER_ID || (query.chatWith ?? 0) > MAX_USER_ID
          ? Effect.succeed(NOTHING)
          : withHead(query.userId, historyRows(query))

      const received: MessageRepo["Service"]["received"] = (userId, limit) =>
        userId > MAX_USER_ID
          ? Effect.succeed(NOTHING)
          : withHead(
              userId,
              sql`SELECT ${columns} FROM messages m WHERE m.receiver_id = ${any(userId)}
                ORDER BY m.id DESC LIMIT ${int4(limit)}`
            )

      return MessageRepo.of({ send: sendMessages(database), history, received })
    })
  )

  static readonly layerMemory = Layer.effect(
    MessageRepo,
    Effect.gen(function* () {
      const { users, messages, inboxes } = yield* MemoryTables

      const eventIn = (
        userId: UserId,
        type: Appended["type"],
        messageId: MessageId
      ): ReadonlyArray<Appended> => {
        const event = inboxes.get(userId)?.events.find((event) => event.messageId === messageId)
        return event === undefined ? [] : [{ userId, type, seq: event.seq }]
      }

      const sendOne = (draft: Draft, timestamp: string): Result.Result<Sent, SendError> => {
        const sender = users[draft.sender_id - 1]
        const clientId = draft.client_id ?? undefined
        if (sender === undefined) return Result.fail(new SenderNotFound())
        const earlier =
          clientId === undefined
            ? undefined
            : messages.find((message) => message.sender_id === sender.id && message.clientId === clientId)
        if (earlier !== undefined) {
          const { clientId: _, ...message } = earlier
          return message.content === draft.content && message.receiver_id === draft.receiver_id
            ? Result.succeed({
                message,
                isRepeat: true,
                appended: [
                  ...eventIn(message.receiver_id, "message", message.id),
                  ...eventIn(message.sender_id, "message_sent", message.id)
                ]
              })
            : Result.fail(new ClientIdConflict())
        }
        const from = inboxes.get(sender.id)
        const to = inboxes.get(draft.receiver_id)
        if (from === undefined || to === undefined) return Result.fail(new ReceiverNotFound())
        const message: Message = {
          id: MessageId.make(messages.length + 1),
          sender_id: sender.id,
          sender_username: sender.username,
          receiver_id: draft.receiver_id,
          content: draft.content,
          timestamp
        }
        messages.push({ ...message, clientId })
        const event = { messageId: message.id, payload: undefined, createdAt: Date.parse(timestamp) }
        return Result.succeed({
          message,
          isRepeat: false,
          appended: [
            { userId: draft.receiver_id, type: "message", seq: append(to, { type: "message", ...event }) },
            { userId: sender.id, type: "message_sent", seq: append(from, { type: "message_sent", ...event }) }
          ]
        })
      }

      const send = (drafts: ReadonlyArray<Draft>) =>
        Effect.map(DateTime.now, (now) => drafts.map((draft) => sendOne(draft, DateTime.formatIso(now))))

      const newestFirst = (
        userId: UserId,
        isWanted: (message: Message) => boolean,
        skip: number,
        limit: number
      ): Effect.Effect<MessagesAt> =>
        Effect.sync(() => ({
          head: inboxes.get(userId)?.lastSeq,
          messages: messages
            .filter(isWanted)
            .reverse()
            .slice(skip, skip + limit)
            .map(({ clientId: _, ...message }) => message)
        }))

      const history = ({ userId, chatWith, beforeId, skip, limit }: HistoryQuery) =>
        newestFirst(
          userId,
          ({ id, sender_id, receiver_id }) =>
            id < (beforeId ?? Infinity) &&
            ((sender_id === userId && receiver_id === (chatWith ?? receiver_id)) ||
              (receiver_id === userId && sender_id === (chatWith ?? sender_id))),
          skip,
          limit
        )

      const received = (userId: UserId, limit: number) =>
        newestFirst(userId, (message) => message.receiver_id === userId, 0, limit)

      return MessageRepo.of({ send, history, received })
    })
  ).pipe(Layer.provide(MemoryTables.layer))
}

const NOTHING: MessagesAt = { head: undefined, messages: [] }

/** A message, or the row with the head. */
type MessageRowAt = (MessageRow & { readonly head: null }) | { readonly head: number; readonly id: null }

// SQL does not promise that the parts of a union stay in order.
const toMessagesAt = (rows: ReadonlyArray<MessageRowAt>): MessagesAt => ({
  head: rows.find(({ id }) => id === null)?.head ?? undefined,
  messages: rows.flatMap((row) => (row.id === null ? [] : toMessage(row))).sort((a, b) => b.id - a.id)
})
