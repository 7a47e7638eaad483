import { PgTypes } from "@effect/sql-pg"
import { Clock, Context, DateTime, Duration, Effect, Exit, Layer, Request, RequestResolver } from "effect"
import { Database } from "../database/Database.ts"
import { int4, int4Array, int8 } from "../database/SqlParameters.ts"
import { type EventType, type InboxEvent, messageEvent, messageJson } from "../domain/Event.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import { MAX_USER_ID, UserId, UserNotFound } from "../domain/User.ts"
import { MemoryTables } from "./MemoryTables.ts"
import { type MessageRow, toMessage } from "./Rows.ts"

/** Where a user's inbox stands. */
export interface Inbox {
  readonly userId: UserId
  readonly username: string
  /** The number of the last event; 0 before the first. */
  readonly head: number
  /** Events up to this number may be gone. */
  readonly pruned: number
}

/** Each user's events, numbered from 1 without gap. What was committed is there until it is pruned. */
export class InboxRepo extends Context.Service<
  InboxRepo,
  {
    /** Where a user's inbox stands. Look-ups of one moment share a query. */
    find(userId: UserId): Effect.Effect<Inbox, UserNotFound | Unavailable>
    /** Where many inboxes stand, in no particular order. */
    heads(userIds: ReadonlyArray<UserId>): Effect.Effect<ReadonlyArray<Omit<Inbox, "username">>, Unavailable>
    /**
     * The events after `after`, at most `limit`, in order and without gap between them. A gap before the first
     * means that events were pruned.
     */
    page(userId: UserId, after: number, limit: number): Effect.Effect<ReadonlyArray<InboxEvent>, Unavailable>
    /** Who received a message so long ago at most, by the clock that dates messages: the database's. */
    receivers(within: Duration.Duration): Effect.Effect<ReadonlyArray<UserId>, Unavailable>
    /** Deletes at most `limit` events older than `olderThan`, and answers how many it deleted. */
    prune(olderThan: DateTime.Utc, limit: number): Effect.Effect<number, Unavailable>
  }
>()("minichat/repo/InboxRepo") {
  static readonly layer = Layer.effect(
    InboxRepo,
    Effect.gen(function* () {
      const { reads: sql, pipelined } = yield* Database

      const inboxes = (userIds: ReadonlyArray<UserId>) =>
        pipelined(
          sql<Inbox>`SELECT i.user_id AS "userId", u.username, i.last_seq AS head, i.pruned_seq AS pruned
            FROM inboxes i JOIN users u ON u.id = i.user_id
            WHERE i.user_id = ANY (${int4Array(userIds)})`
        )

      const resolver = RequestResolver.make<FindInbox>(
        Effect.fnUntraced(function* (entries) {
          const ids = new Set(entries.map(({ request }) => request.userId))
          const found = new Map((yield* inboxes([...ids])).map((inbox) => [inbox.userId, inbox]))
          for (const entry of entries) {
            const { userId } = entry.request
            const inbox = found.get(userId)
            entry.completeUnsafe(
              inbox === undefined ? Exit.fail(new UserNotFound({ userId })) : Exit.succeed(inbox)
            )
          }
        })
      ).pipe(RequestResolver.batchN(1000))

      const find = (userId: UserId) =>
        userId > MAX_USER_ID
          ? Effect.fail(new UserNotFound({ userId }))
          : Effect.request(new FindInbox({ userId }), resolver)

      const heads = (userIds: ReadonlyArray<UserId>) =>
        pipelined(
          sql<Omit<Inbox, "username">>`SELECT user_id AS "userId", last_seq AS head, pruned_seq AS pruned
            FROM inboxes WHERE user_id = ANY (${int4Array(userIds)})`
        )

      // OFFSET 0 keeps the planner from joining a long page by reading all messages there are.
      const page = (userId: UserId, after: number, limit: number) =>
        pipelined(
          sql<EventRow>`SELECT e.seq, e.type, m.*
            FROM (
              SELECT * FROM inbox_events WHERE user_id = ${int4(userId)} AND seq > ${int8(after)}
              ORDER BY seq LIMIT ${int4(limit)}
            ) e CROSS JOIN LATERAL (
              SELECT m.client_id, m.id, m.sender_id, u.username AS sender_username, m.receiver_id, m.content, m.timestamp
              FROM messages m JOIN users u ON u.id = m.sender_id WHERE m.id = e.message_id OFFSET 0
            ) m ORDER BY e.seq`.pipe(Effect.map((rows) => withoutGap(rows).map(toEvent)))
        )

      const prune = (olderThan: DateTime.Utc, limit: number) =>
        pipelined(
          sql<{ readonly deleted: number }>`SELECT prune_inbox_events(
            ${PgTypes.timestamptz(DateTime.toDate(olderThan))}, ${int4(limit)}
          ) AS deleted`.pipe(Effect.map((rows) => rows[0]!.deleted))
        )

      const receivers = (within: Duration.Duration) =>
        pipelined(
          sql<{ readonly userId: UserId }>`SELECT DISTINCT user_id AS "userId" FROM inbox_events
            WHERE type = 'message'
              AND created_at > now() - ${int4(Math.ceil(Duration.toSeconds(within)))} * interval '1 second'`
        ).pipe(Effect.map((rows) => rows.map(({ userId }) => userId)))

      return InboxRepo.of({ find, heads, page, receivers, prune })
    })
  )

  static readonly layerMemory = Layer.effect(
    InboxRepo,
    Effect.gen(function* () {
      const { users, inboxes } = yield* MemoryTables

      const find = (userId: UserId) =>
        Effect.suspend(() => {
          const inbox = inboxes.get(userId)
          return inbox === undefined
            ? Effect.fail(new UserNotFound({ userId }))
            : Effect.succeed({
                userId,
                username: users[userId - 1]!.username,
                head: inbox.lastSeq,
                pruned: inbox.prunedSeq
              })
        })

      const heads = (userIds: ReadonlyArray<UserId>) =>
        Effect.sync(() =>
          userIds.flatMap((userId) => {
            const inbox = inboxes.get(userId)
            return inbox === undefined ? [] : [{ userId, head: inbox.lastSeq, pruned: inbox.prunedSeq }]
          })
        )

      const page = (userId: UserId, after: number, limit: number) =>
        Effect.sync(() =>
          (inboxes.get(userId)?.events ?? [])
            .filter(({ seq }) => seq > after)
            .slice(0, limit)
            .map(({ seq, type, frame }) => ({ seq, type, frame }))
        )

      const prune = (olderThan: DateTime.Utc, limit: number) =>
        Effect.sync(() => {
          let deleted = 0
          for (const inbox of inboxes.values()) {
            const isOld = (event: { readonly createdAt: number }) =>
              event.createdAt < DateTime.toEpochMillis(olderThan)
            while (deleted < limit && inbox.events[0] !== undefined && isOld(inbox.events[0])) {
              inbox.prunedSeq = inbox.events.shift()!.seq
              deleted++
            }
          }
          return deleted
        })

      const receivers = (within: Duration.Duration) =>
        Effect.map(Clock.currentTimeMillis, (now) => {
          const since = now - Duration.toMillis(within)
          return [...inboxes].flatMap(([userId, { events }]) =>
            events.some(({ type, createdAt }) => type === "message" && createdAt > since)
              ? UserId.make(userId)
              : []
          )
        })

      return InboxRepo.of({ find, heads, page, receivers, prune })
    })
  ).pipe(Layer.provide(MemoryTables.layer))
}

class FindInbox extends Request.TaggedClass("FindInbox")<
  { readonly userId: UserId },
  Inbox,
  UserNotFound | Unavailable
> {}

interface EventRow extends MessageRow {
  readonly seq: number
  readonly type: EventType
  readonly client_id: string | null
}

/** Up to the first gap: events are pruned in the order in which they lie in the table, which need not be theirs. */
const withoutGap = (rows: ReadonlyArray<EventRow>) => rows.filter(({ seq }, i) => seq === rows[0]!.seq + i)

const toEvent = (row: EventRow) => messageEvent(row.type, row.seq, messageJson(toMessage(row)), row.client_id)
