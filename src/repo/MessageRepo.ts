import { Context, DateTime, Effect, Layer, Result } from "effect"
import type { Statement } from "effect/sql"
import { Database } from "../database/Database.ts"
import { int4, int8 } from "../database/SqlParameters.ts"
import { messageEvent, messageJson } from "../domain/Event.ts"
import {
  ClientIdConflict,
  type Draft,
  type Message,
  MessageId,
  ReceiverNotFound,
  type SendError,
  SenderNotFound
} from "../domain/Message.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import { MAX_USER_ID, type UserId } from "../domain/User.ts"
import { MemoryTables } from "./MemoryTables.ts"
import { type MessageRow, toMessage } from "./Rows.ts"
import { sendMessages } from "./SendMessages.ts"

/** A committed send. */
export interface Sent {
  readonly message: Message
  /** Whether this is an earlier send again, which made the message. */
  readonly isRepeat: boolean
  /** The places of its two events; `undefined` for a repeat of a send that is no longer among the latest events. */
  readonly seqs: { readonly sender: number; readonly receiver: number } | undefined
}

/** What became of a draft. */
export type Outcome = Result.Result<Sent, SendError | Unavailable>

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
    /** Messages that a user sent or received, newest first. A page costs the same however long the history is. */
    history(query: HistoryQuery): Effect.Effect<ReadonlyArray<Message>, Unavailable>
    /** The latest messages that a user received, newest first. */
    received(userId: UserId, limit: number): Effect.Effect<ReadonlyArray<Message>, Unavailable>
  }
>()("minichat/repo/MessageRepo") {
  static readonly layer = Layer.effect(
    MessageRepo,
    Effect.gen(function* () {
      const database = yield* Database
      const { reads: sql, pipelined } = database

      const columns = sql.literal(
        `m.id, m.sender_id, (SELECT u.username FROM users u WHERE u.id = m.sender_id) AS sender_username,
         m.receiver_id, m.content, m.timestamp`
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
        return sql<MessageRow>`SELECT ${columns} FROM (${sent} UNION ALL ${received}) m
          ORDER BY m.id DESC OFFSET ${int8(skip)} LIMIT ${int4(limit)}`
      }

      const history: MessageRepo["Service"]["history"] = (query) =>
        query.userId > MAX_USER_ID || (query.chatWith ?? 0) > MAX_USER_ID
          ? Effect.succeed([])
          : pipelined(Effect.map(historyRows(query), (rows) => rows.map(toMessage)))

      const received: MessageRepo["Service"]["received"] = (userId, limit) =>
        userId > MAX_USER_ID
          ? Effect.succeed([])
          : sql<MessageRow>`SELECT ${columns} FROM messages m WHERE m.receiver_id = ${any(userId)}
              ORDER BY m.id DESC LIMIT ${int4(limit)}`.pipe(
              Effect.map((rows) => rows.map(toMessage)),
              pipelined
            )

      return MessageRepo.of({ send: sendMessages(database), history, received })
    })
  )

  static readonly layerMemory = Layer.effect(
    MessageRepo,
    Effect.gen(function* () {
      const { users, messages, inboxes } = yield* MemoryTables

      const seqsOf = ({ id, sender_id, receiver_id }: Message) => {
        const seqIn = (userId: UserId) =>
          inboxes.get(userId)?.events.find(({ frame }) => frame.includes(`"id":${id},`))?.seq
        const [sender, receiver] = [seqIn(sender_id), seqIn(receiver_id)]
        return sender === undefined || receiver === undefined ? undefined : { sender, receiver }
      }

      const sendOne = (draft: Draft, timestamp: string): Result.Result<Sent, SendError> => {
        const sender = users[draft.sender_id - 1]
        const clientId = draft.client_id ?? null
        if (sender === undefined) return Result.fail(new SenderNotFound())
        const earlier =
          clientId === null
            ? undefined
            : messages.find((message) => message.sender_id === sender.id && message.clientId === clientId)
        if (earlier !== undefined) {
          const { clientId: _, ...message } = earlier
          return message.content === draft.content && message.receiver_id === draft.receiver_id
            ? Result.succeed({ message, isRepeat: true, seqs: seqsOf(message) })
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
        const json = messageJson(message)
        const createdAt = Date.parse(timestamp)
        const seqs = { sender: ++from.lastSeq, receiver: ++to.lastSeq }
        to.events.push({ ...messageEvent("message", seqs.receiver, json), createdAt })
        from.events.push({ ...messageEvent("message_sent", seqs.sender, json, clientId), createdAt })
        return Result.succeed({ message, isRepeat: false, seqs })
      }

      const send = (drafts: ReadonlyArray<Draft>) =>
        Effect.map(DateTime.now, (now) => drafts.map((draft) => sendOne(draft, DateTime.formatIso(now))))

      const newestFirst = (isWanted: (message: Message) => boolean, skip: number, limit: number) =>
        Effect.sync(() =>
          messages
            .filter(isWanted)
            .reverse()
            .slice(skip, skip + limit)
            .map(({ clientId: _, ...message }) => message)
        )

      const history = ({ userId, chatWith, beforeId, skip, limit }: HistoryQuery) =>
        newestFirst(
          ({ id, sender_id, receiver_id }) =>
            id < (beforeId ?? Infinity) &&
            ((sender_id === userId && receiver_id === (chatWith ?? receiver_id)) ||
              (receiver_id === userId && sender_id === (chatWith ?? sender_id))),
          skip,
          limit
        )

      const received = (userId: UserId, limit: number) =>
        newestFirst((message) => message.receiver_id === userId, 0, limit)

      return MessageRepo.of({ send, history, received })
    })
  ).pipe(Layer.provide(MemoryTables.layer))
}
