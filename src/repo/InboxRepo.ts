import { PgTypes } from "@effect/sql-pg"
import { Context, DateTime, Duration, Effect, Layer } from "effect"
import { Database } from "../database/Database.ts"
import { int4, int4Array, int8, textArray } from "../database/SqlParameters.ts"
import type { EventRecord } from "../domain/Event.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import { type UserId, UserNotFound } from "../domain/User.ts"
import { MEMORY_EPOCH } from "../Epoch.ts"
import { limitInText } from "./LimitInText.ts"
import { lookUpsByUser } from "./LookUps.ts"
import { type MemoryEvent, MemoryTables } from "./MemoryTables.ts"
import { messageOfEvent } from "./MemoryViews.ts"
import { MESSAGE_COLUMNS } from "./MessageColumns.ts"
import { type MessageRow, toMessage } from "./Rows.ts"

/** The bounds of an inbox: it holds the events with numbers above `pruned`, up to `head`. */
export interface Bounds {
  readonly userId: UserId
  /** The history of the database that these numbers belong to; see `Epoch`. */
  readonly epoch: string
  /** The number of the last event; 0 before the first. */
  readonly head: number
  /** Events up to this number may have been deleted. */
  readonly pruned: number
}

/** The bounds of an inbox, with the name of its user. */
export interface Inbox extends Bounds {
  readonly username: string
}

/** Each user's events, numbered from 1 without gap. A committed event is there until it is pruned, or its user is erased. */
export class InboxRepo extends Context.Service<
  InboxRepo,
  {
    /** Finds a user's inbox. All calls in one turn of the event loop share a query. */
    find(userId: UserId): Effect.Effect<Inbox, UserNotFound | Unavailable>
    /** Reads the bounds of a user's inbox; undefined for a user that does not exist. Shares queries, as `find` does. */
    bounds(userId: UserId): Effect.Effect<Bounds | undefined, Unavailable>
    /** Reads the bounds of many inboxes, in no particular order. Leaves out users that do not exist. */
    heads(userIds: ReadonlyArray<UserId>): Effect.Effect<ReadonlyArray<Bounds>, Unavailable>
    /**
     * Reads at most `limit` events with numbers above `after`, in order and without a gap between them. A gap between `after` and
     * the first one means that events were pruned. `newMessageTypes` are the types of the events that report a new message. With
     * an `epoch`, returns no events when the history of the database is another one.
     */
    page(
      userId: UserId,
      after: number,
      limit: number,
      newMessageTypes: ReadonlyArray<string>,
      epoch?: string
    ): Effect.Effect<ReadonlyArray<EventRecord>, Unavailable>
    /**
     * Deletes at most `limit` events older than `olderThan`, the first ones of each inbox. Returns how many it deleted; an inbox that was
     * looked at in vain counts as one, so that `limit` means that there may be more. Events that are younger than `kept` by the
     * database's clock stay, however late it is by that of this node.
     */
    prune(
      olderThan: DateTime.Utc,
      limit: number,
      kept?: Duration.Duration
    ): Effect.Effect<number, Unavailable>
  }
>()("minichat/repo/InboxRepo") {
  static readonly layer = Layer.effect(
    InboxRepo,
    Effect.gen(function* () {
      const { pipeline: sql, writes, inPipeline, orUnavailable, currentEpoch } = yield* Database
      const services = yield* Effect.context<never>()

      // With `= ANY` the planner plans each statement anew for its array, and planning takes five times as long as running. It keeps one
      // plan when a SELECT hides the array from it, and OFFSET 0 rules out other ways to join.
      const wanted = (userIds: ReadonlyArray<UserId>) =>
        sql`unnest((SELECT ${int4Array(userIds)})) AS wanted (id)`

      const find = lookUpsByUser(services, (userIds) =>
        inPipeline(
          sql<Inbox>`SELECT wanted.id AS "userId", i.*, ${currentEpoch} AS epoch
            FROM ${wanted(userIds)} CROSS JOIN LATERAL (
              SELECT u.username, i.last_seq AS head, i.pruned_seq AS pruned
              FROM inboxes i JOIN users u ON u.id = i.user_id WHERE i.user_id = wanted.id OFFSET 0
            ) i`
        )
      )

      const heads = (userIds: ReadonlyArray<UserId>) =>
        inPipeline(
          sql<Bounds>`SELECT wanted.id AS "userId", i.*, ${currentEpoch} AS epoch
            FROM ${wanted(userIds)} CROSS JOIN LATERAL (
              SELECT last_seq AS head, pruned_seq AS pruned FROM inboxes WHERE user_id = wanted.id OFFSET 0
            ) i`
        )

      // A message is shown as it is now. But to a user who may no longer read it, the content of a message that changed after the event
      // is withheld. After the event of a new message that is any version but the first, as an edit may have the same millisecond; after
      // the event of an edit or a deletion it is a later change.
      // OFFSET 0 keeps the planner from joining a long page by a scan of all messages.
      const page = (
        userId: UserId,
        after: number,
        limit: number,
        newMessageTypes: ReadonlyArray<string>,
        epoch?: string
      ) => {
        const sameHistory = epoch === undefined ? sql.literal("true") : sql`${currentEpoch} = ${epoch}`
        // A subquery hides the user, so that the plan is the same for all users, and is kept.
        const any = sql`(SELECT ${int4(userId)})`
        return inPipeline(
          sql<EventRow>`SELECT e.seq, e.type, e.payload, e.created_at, m.*
            FROM (
              SELECT * FROM (
                SELECT * FROM inbox_events
                WHERE (user_id, seq) > (${any}, ${int8(after)}) AND user_id <= ${any} AND ${sameHistory}
                ORDER BY user_id, seq LIMIT ${limitInText(sql, limit)}
              ) range ORDER BY user_id, seq LIMIT ${int4(limit)}
            ) e LEFT JOIN LATERAL (
              SELECT m.client_id, ${sql.literal(MESSAGE_COLUMNS)},
                m.receiver_id IS NULL AND CASE
                    WHEN e.type = ANY ((SELECT ${textArray(newMessageTypes)})::text[]) THEN m.version > 1
                    ELSE coalesce(m.deleted_at, m.edited_at) > e.created_at
                  END AND may_read(${int4(userId)}, m.conversation_id, m.id) IS NOT NULL AS withheld,
                m.receiver_id IS NULL AND m.reply_to_id IS NOT NULL AND EXISTS (
                    SELECT FROM messages q
                    WHERE q.id = m.reply_to_id AND greatest(q.edited_at, q.deleted_at) > e.created_at
                  ) AND may_read(${int4(userId)}, m.conversation_id, m.reply_to_id) IS NOT NULL AS quote_withheld
              FROM messages m WHERE m.id = e.message_id OFFSET 0
            ) m ON true ORDER BY e.user_id, e.seq`.pipe(Effect.map((rows) => withoutGap(rows).map(toRecord)))
        )
      }

      const prune = (olderThan: DateTime.Utc, limit: number, kept?: Duration.Duration) => {
        const wanted = PgTypes.timestamptz(DateTime.toDate(olderThan))
        const before =
          kept === undefined
            ? sql`${wanted}`
            : sql`least(${wanted}, clock_timestamp() - make_interval(secs => ${PgTypes.float8(Duration.toSeconds(kept))}))`
        return orUnavailable(
          writes<{
            readonly deleted: number
          }>`SELECT prune_inbox_events(${before}, ${int4(limit)}) AS deleted`.pipe(
            Effect.map((rows) => rows[0]!.deleted)
          )
        )
      }

      return InboxRepo.of({
        find: (userId) => Effect.flatMap(find(userId), (inbox) => found(userId, inbox)),
        bounds: lookUpsByUser(services, heads),
        heads,
        page,
        prune
      })
    })
  )

  static readonly layerMemory = Layer.effect(
    InboxRepo,
    Effect.gen(function* () {
      const tables = yield* MemoryTables
      const { users, messages, inboxes } = tables

      const boundsOf = (userId: UserId) => {
        const inbox = inboxes.get(userId)
        return inbox === undefined
          ? undefined
          : { userId, epoch: MEMORY_EPOCH, head: inbox.lastSeq, pruned: inbox.prunedSeq }
      }

      const find = (userId: UserId) =>
        Effect.suspend(() => {
          const bounds = boundsOf(userId)
          return found(
            userId,
            bounds === undefined ? undefined : { ...bounds, username: users[userId - 1]!.username }
          )
        })

      const heads = (userIds: ReadonlyArray<UserId>) =>
        Effect.sync(() => userIds.flatMap((userId) => boundsOf(userId) ?? []))

      const recordFor =
        (userId: UserId) =>
        (event: MemoryEvent): EventRecord => {
          const { seq, type, messageId, payload, createdAt } = event
          const row = messageId === undefined ? undefined : messages.get(messageId)
          return {
            seq,
            type,
            committedAt: createdAt,
            message: row === undefined ? undefined : messageOfEvent(tables, row, userId, event),
            clientId: row?.clientId,
            payload
          }
        }

      const page = (userId: UserId, after: number, limit: number) =>
        Effect.sync(() =>
          (inboxes.get(userId)?.events ?? [])
            .filter(({ seq }) => seq > after)
            .slice(0, limit)
            .map(recordFor(userId))
        )

      const prune = (olderThan: DateTime.Utc, limit: number, kept?: Duration.Duration) =>
        Effect.map(DateTime.now, (now) => {
          const latest =
            kept === undefined
              ? Number.POSITIVE_INFINITY
              : DateTime.toEpochMillis(now) - Duration.toMillis(kept)
          const before = Math.min(DateTime.toEpochMillis(olderThan), latest)
          let deleted = 0
          for (const inbox of inboxes.values()) {
            const isOld = (event: { readonly createdAt: number }) => event.createdAt < before
            while (deleted < limit && inbox.events[0] !== undefined && isOld(inbox.events[0])) {
              inbox.prunedSeq = inbox.events.shift()!.seq
              deleted++
            }
          }
          return deleted
        })

      return InboxRepo.of({
        find,
        bounds: (userId) => Effect.sync(() => boundsOf(userId)),
        heads,
        page,
        prune
      })
    })
  ).pipe(Layer.provide(MemoryTables.layer))
}

const found = <A extends Inbox>(userId: UserId, inbox: A | undefined) =>
  inbox === undefined ? Effect.fail(new UserNotFound({ userId })) : Effect.succeed(inbox)

type EventRow = {
  readonly seq: number
  readonly type: string
  readonly payload: unknown
  readonly created_at: Date
} & ((MessageRow & { readonly client_id: string | null }) | { readonly id: null })

/** Returns the rows up to the first gap. Earlier releases made gaps: they pruned in the order of the table, not of the numbers. */
const withoutGap = (rows: ReadonlyArray<EventRow>) => rows.filter(({ seq }, i) => seq === rows[0]!.seq + i)

const toRecord = (row: EventRow): EventRecord => ({
  seq: row.seq,
  type: row.type,
  committedAt: row.created_at.getTime(),
  message: row.id === null ? undefined : toMessage(row),
  clientId: row.id === null ? undefined : (row.client_id ?? undefined),
  payload: row.payload ?? undefined
})
