import { Effect } from "effect"
import type { Statement } from "effect/sql"
import type { Database } from "../database/Database.ts"
import { int4, int8 } from "../database/SqlParameters.ts"
import type { Conversation, ConversationEntry, Member, ReadState } from "../domain/Conversation.ts"
import { ConversationNotFound, NotMember } from "../domain/ConversationErrors.ts"
import type { ConversationId } from "../domain/ConversationId.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import { MAX_USER_ID, type UserId, UserNotFound } from "../domain/User.ts"
import type { Addressees, ConversationCalls } from "./ConversationCalls.ts"
import { conversationColumns } from "./ConversationColumns.ts"
import { messageColumnsFor } from "./MessageColumns.ts"
import { pageOf } from "./PageOf.ts"
import { type ConversationRow, type MessageRow, toConversation, toMessage } from "./Rows.ts"

/** Unread messages are counted up to this number. No parameter: a plan that is made once must know how few of a conversation are read. */
const COUNTED = 100

/** SQL for the id after which the membership `b` of `conversations c` reads messages. */
const BEGINS_AFTER = "CASE c.history WHEN 'joined' THEN b.joined_after ELSE 0 END"

interface EntryRow extends ConversationRow, MessageRow {
  readonly activity: number
  readonly last_read_id: number
  readonly unread: number
}

/** The queries by which members read conversations. */
export const make = ({ pipeline: sql, inPipeline }: Database["Service"]) => {
  /** SQL for how many messages of others are unread in the membership `b` of `conversations c`. */
  const unread = (userId: UserId) => sql`(
      SELECT count(*)::int FROM (
        SELECT FROM messages x
        WHERE (x.conversation_id, x.id) > (b.conversation_id, greatest(b.last_read_id, ${sql.literal(BEGINS_AFTER)}))
          AND x.conversation_id <= b.conversation_id AND x.sender_id <> ${int4(userId)} AND x.deleted_at IS NULL
        ORDER BY x.conversation_id, x.id LIMIT ${sql.literal(String(COUNTED))}
      ) u
    ) AS unread`

  /** Entries of a user's memberships: rows of `activities`. */
  const entries = (userId: UserId, selected: Statement.Fragment) => sql<EntryRow>`
    SELECT s.activity, b.last_read_id, ${unread(userId)}, ${conversationColumns(sql, userId)}, l.*
    FROM (${selected}) s
    JOIN members b ON b.conversation_id = s.conversation_id AND b.user_id = ${int4(userId)}
    JOIN conversations c ON c.id = s.conversation_id
    LEFT JOIN LATERAL (
      SELECT ${messageColumnsFor(sql, userId)}
      FROM messages m WHERE m.id = s.last_id AND m.id > ${sql.literal(BEGINS_AFTER)} OFFSET 0
    ) l ON true
    ORDER BY s.activity DESC`

  /**
   * A user's memberships, all or one, with the last message of each conversation, and the activity. It reads two indexes, and no table:
   * a message that the user may not read is older than the membership, so it does not change the activity. With `OFFSET 0` the last
   * message of each is looked up once.
   */
  const activities = (userId: UserId, only?: ConversationId): Statement.Fragment => sql`
    SELECT k.conversation_id, k.last_id, greatest(k.joined_after, k.last_id) AS activity
    FROM (
      SELECT b.conversation_id, b.joined_after, (
          SELECT m.id FROM messages m
          WHERE (m.conversation_id, m.id) > (b.conversation_id, 0) AND m.conversation_id <= b.conversation_id
          ORDER BY m.conversation_id DESC, m.id DESC LIMIT 1
        ) AS last_id
      FROM members b
      WHERE b.user_id = ${int4(userId)} ${only === undefined ? sql`` : sql`AND b.conversation_id = ${int8(only)}`} OFFSET 0
    ) k`

  const entriesOf = (userId: UserId, id: ConversationId) =>
    entries(userId, activities(userId, id)).pipe(
      Effect.map((rows) => rows.map(toEntry)),
      inPipeline
    )

  const isThere = (id: ConversationId) =>
    sql`SELECT FROM conversations WHERE id = ${int8(id)}`.pipe(
      Effect.map((rows) => rows.length > 0),
      inPipeline
    )

  /** Fails with the reason: the conversation does not exist, or the user is no member. */
  const deny = (id: ConversationId) =>
    Effect.flatMap(
      isThere(id),
      (there): Effect.Effect<never, ConversationNotFound | NotMember> =>
        Effect.fail(there ? new NotMember() : new ConversationNotFound())
    )

  const find: ConversationCalls["find"] = Effect.fn("ConversationRepo.find")(function* (userId, id) {
    const found = userId > MAX_USER_ID ? [] : yield* entriesOf(userId, id)
    return found[0] ?? (yield* deny(id))
  })

  const list: ConversationCalls["list"] = Effect.fn("ConversationRepo.list")(
    function* (userId, limit, before) {
      if (userId > MAX_USER_ID) return yield* new UserNotFound({ userId })
      // One more than the page is read: it means that there is a next page.
      const found = yield* inPipeline(
        entries(
          userId,
          sql`SELECT * FROM (${activities(userId)}) a
            WHERE a.activity < ${int8(before ?? Number.MAX_SAFE_INTEGER)}
            ORDER BY a.activity DESC LIMIT ${int4(limit + 1)}`
        )
      )
      if (found.length === 0 && !(yield* userExists(userId))) return yield* new UserNotFound({ userId })
      const { page, next } = pageOf(found, limit, ({ activity }) => activity)
      return { conversations: page.map(toEntry), next }
    }
  )

  const count: ConversationCalls["count"] = (userId, atMost) =>
    userId > MAX_USER_ID
      ? Effect.succeed(0)
      : sql<{ readonly count: number }>`
          SELECT count(*)::int AS count FROM (
            SELECT FROM members WHERE user_id = ${int4(userId)} LIMIT ${int4(atMost)}
          ) m`.pipe(
          Effect.map((rows) => rows[0]!.count),
          inPipeline
        )

  const userExists = (userId: UserId) =>
    sql`SELECT FROM inboxes WHERE user_id = ${int4(userId)}`.pipe(
      Effect.map((rows) => rows.length > 0),
      inPipeline
    )

  /** A conversation of the user, without the last message and the unread count of its list. */
  const conversation = (userId: UserId, id: ConversationId): Effect.Effect<Conversation, Unavailable> =>
    sql<ConversationRow>`
      SELECT ${conversationColumns(sql, userId)}
      FROM conversations c LEFT JOIN members b ON b.conversation_id = c.id AND b.user_id = ${int4(userId)}
      WHERE c.id = ${int8(id)}`.pipe(
      Effect.map((rows) => toConversation(rows[0]!)),
      inPipeline
    )

  const readState = (userId: UserId, id: ConversationId): Effect.Effect<ReadState, Unavailable | NotMember> =>
    sql<ReadState>`
      SELECT b.last_read_id, ${unread(userId)}
      FROM members b JOIN conversations c ON c.id = b.conversation_id
      WHERE b.conversation_id = ${int8(id)} AND b.user_id = ${int4(userId)}`.pipe(
      inPipeline,
      Effect.flatMap(([state]) =>
        state === undefined ? Effect.fail(new NotMember()) : Effect.succeed(state)
      )
    )

  /** Members as one of them sees them: without what the other user of a direct conversation read while it was blocked. */
  const memberRows = (viewer: UserId, id: ConversationId, after: number, limit: number) =>
    sql<{ readonly member: Member }>`
      SELECT member_json(b.conversation_id, b.user_id) || coalesce((
          SELECT jsonb_build_object('last_read_id', least(b.last_read_id, k.last_read_id))
          FROM blocks k JOIN conversations c ON c.id = b.conversation_id AND c.kind = 'direct'
          WHERE k.user_id = ${int4(viewer)} AND k.blocked_id = b.user_id
        ), '{}') AS member
      FROM members b
      WHERE b.conversation_id = ${int8(id)} AND b.user_id > ${int4(after)} ORDER BY b.user_id LIMIT ${int4(limit)}`.pipe(
      Effect.map((rows) => rows.map(({ member }) => member)),
      inPipeline
    )

  const others: ConversationCalls["others"] = Effect.fnUntraced(function* (userId, id) {
    const rows = yield* inPipeline(
      sql<{
        readonly userId: UserId
        readonly isHidden: boolean
      }>`SELECT m.user_id AS "userId", EXISTS (
          SELECT FROM blocks b JOIN conversations c ON c.id = m.conversation_id AND c.kind = 'direct'
          WHERE b.user_id = m.user_id AND b.blocked_id = ${int4(Math.min(userId, MAX_USER_ID))}
        ) AS "isHidden" FROM members m WHERE m.conversation_id = ${int8(id)}`
    )
    if (!rows.some((row) => row.userId === userId)) return yield* deny(id)
    return rows.flatMap((row) => (row.userId === userId || row.isHidden ? [] : row.userId))
  })

  const members: ConversationCalls["members"] = Effect.fn("ConversationRepo.members")(
    function* (userId, id, after, limit) {
      if (!(yield* isMemberOf(userId, id))) return yield* deny(id)
      const found = (after ?? 0) > MAX_USER_ID ? [] : yield* memberRows(userId, id, after ?? 0, limit + 1)
      const { page, next } = pageOf(found, limit, ({ user_id }) => user_id)
      return { members: page, next }
    }
  )

  const isMemberOf = (userId: UserId, id: ConversationId) =>
    userId > MAX_USER_ID
      ? Effect.succeed(false)
      : sql`SELECT FROM members WHERE conversation_id = ${int8(id)} AND user_id = ${int4(userId)}`.pipe(
          Effect.map((rows) => rows.length > 0),
          inPipeline
        )

  /** The member after `put_member`. Fails with `NotMember` when another call has removed it since. */
  const member = (id: ConversationId, memberId: UserId): Effect.Effect<Member, Unavailable | NotMember> =>
    Effect.flatMap(memberRows(memberId, id, memberId - 1, 1), ([found]) =>
      found?.user_id === memberId ? Effect.succeed(found) : Effect.fail(new NotMember())
    )

  const addressees: ConversationCalls["addressees"] = (id) =>
    sql<{ readonly kind: "direct" | "group"; readonly low: UserId; readonly high: UserId }>`
      SELECT kind, low, high FROM conversations WHERE id = ${int8(id)}`.pipe(
      Effect.map(([row]): Addressees | undefined => {
        if (row === undefined) return undefined
        return row.kind === "group" ? { kind: "group" } : { kind: "direct", users: [row.low, row.high] }
      }),
      inPipeline
    )

  return { find, list, count, conversation, readState, members, member, addressees, others }
}

const toEntry = (row: EntryRow): ConversationEntry => ({
  ...toConversation(row),
  last_read_id: row.last_read_id,
  unread: row.unread,
  last_message: row.id === null ? null : toMessage(row),
  activity: row.activity
})
