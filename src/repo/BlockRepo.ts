import { Context, DateTime, Effect, Layer } from "effect"
import { Database } from "../database/Database.ts"
import { int4, int4Array } from "../database/SqlParameters.ts"
import type { Change } from "../domain/Event.ts"
import type { MessageId } from "../domain/Message.ts"
import type { Block, BlockEntry } from "../domain/Moderation.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import { MAX_USER_ID, type UserId, UserNotFound } from "../domain/User.ts"
import { appendedBy, type ChangeRow, changing } from "./ChangeRows.ts"
import { appendPayload } from "./MemoryEvents.ts"
import { blockOf, directOf, MemoryTables } from "./MemoryTables.ts"
import { pageOf } from "./PageOf.ts"
import { columnId, userParameter } from "./UserParameters.ts"

export interface BlockList {
  readonly blocks: ReadonlyArray<BlockEntry>
  /** The `after` of the next page; `undefined` after the last. */
  readonly next: UserId | undefined
}

/**
 * Who has blocked whom.
 *
 * Guarantee: a block and a direct send lock the same inboxes, so the later one to commit sees the earlier one: no send commits after
 * the block that forbids it. Each change commits together with its event in the inbox of the blocking user; the blocked one gets none.
 */
export class BlockRepo extends Context.Service<
  BlockRepo,
  {
    /** Blocks another user. A repeated call is answered with the first block. The caller refuses a user who blocks itself. */
    block(by: UserId, other: UserId): Effect.Effect<Change<Block>, UserNotFound | Unavailable>
    /** Takes a block back, if there is one. */
    unblock(by: UserId, other: UserId): Effect.Effect<Change<void>, Unavailable>
    /** The users that a user has blocked, by ascending id, above `after`: at most `limit`. */
    list(
      by: UserId,
      after: UserId | undefined,
      limit: number
    ): Effect.Effect<BlockList, UserNotFound | Unavailable>
    /** Those of these users that a user has blocked. */
    among(by: UserId, users: ReadonlyArray<UserId>): Effect.Effect<ReadonlySet<UserId>, Unavailable>
  }
>()("minichat/repo/BlockRepo") {
  static readonly layer = Layer.effect(
    BlockRepo,
    Effect.gen(function* () {
      const database = yield* Database
      const { pipeline: sql, inPipeline } = database
      const change = changing(database)

      const changeBlock = (by: UserId, other: UserId, adds: boolean) =>
        change<ChangeRow<"changed" | "unchanged" | "user_not_found">>(
          (sql) => sql`SELECT * FROM change_block(${userParameter(by)}, ${userParameter(other)}, ${adds})`
        )

      const block = Effect.fn("BlockRepo.block")(function* (by: UserId, other: UserId) {
        const rows = yield* changeBlock(by, other, true)
        const { status, at } = rows[0]!
        if (status === "user_not_found") return yield* new UserNotFound({ userId: other })
        return {
          value: Effect.succeed({ user_id: by, blocked_id: other, created_at: at.toISOString() }),
          appended: appendedBy(rows)
        }
      })

      const unblock = Effect.fn("BlockRepo.unblock")(function* (by: UserId, other: UserId) {
        return { value: Effect.void, appended: appendedBy(yield* changeBlock(by, other, false)) }
      })

      const list = Effect.fn("BlockRepo.list")(function* (
        by: UserId,
        after: UserId | undefined,
        limit: number
      ) {
        // The first row is there when the user exists. One block more than the page is read: it means that there is a next page.
        const rows = yield* inPipeline(
          sql<BlockRow>`SELECT NULL AS id, NULL AS username, NULL AS display_name, NULL AS avatar_url, NULL AS created_at
            FROM inboxes WHERE user_id = ${userParameter(by)}
            UNION ALL (
              SELECT u.id, u.username, u.display_name, u.avatar_url, b.created_at FROM (
                SELECT * FROM blocks WHERE user_id = ${userParameter(by)} AND blocked_id > ${int4(Math.min(after ?? 0, MAX_USER_ID))}
                ORDER BY blocked_id LIMIT ${int4(limit + 1)}
              ) b CROSS JOIN LATERAL (SELECT * FROM users u WHERE u.id = b.blocked_id OFFSET 0) u ORDER BY b.blocked_id
            )`
        )
        if (rows.length === 0) return yield* new UserNotFound({ userId: by })
        const blocks = rows.flatMap((row) => (row.id === null ? [] : toEntry(by, row)))
        return listOf(blocks, limit)
      })

      const among: BlockRepo["Service"]["among"] = (by, users) =>
        users.length === 0
          ? Effect.succeed(new Set())
          : Effect.map(
              inPipeline(
                sql<{
                  readonly id: UserId
                }>`SELECT w.id FROM unnest((SELECT ${int4Array(users.map(columnId))})) AS w (id)
                  WHERE EXISTS (SELECT FROM blocks b WHERE b.user_id = ${userParameter(by)} AND b.blocked_id = w.id OFFSET 0)`
              ),
              (rows) => new Set(rows.map(({ id }) => id))
            )

      return BlockRepo.of({ block, unblock, list, among })
    })
  )

  static readonly layerMemory = Layer.effect(
    BlockRepo,
    Effect.gen(function* () {
      const tables = yield* MemoryTables
      const { users, inboxes, blocks } = tables

      const event = (by: UserId, other: UserId, blocked: boolean, now: string) =>
        appendPayload(tables, [by], "block", { blocked_id: other, blocked }, now)

      const block = (by: UserId, other: UserId) =>
        Effect.flatMap(DateTime.now, (time): Effect.Effect<Change<Block>, UserNotFound> => {
          const now = DateTime.formatIso(time)
          if (!inboxes.has(by) || !inboxes.has(other)) return Effect.fail(new UserNotFound({ userId: other }))
          const known = blockOf(tables, by, other)
          const value = Effect.succeed({
            user_id: by,
            blocked_id: other,
            created_at: known?.createdAt ?? now
          })
          if (known !== undefined) return Effect.succeed({ value, appended: [] })
          const lastReadId = directOf(tables, by, other)?.members.get(other)?.lastReadId ?? 0
          blocks.push({ userId: by, blockedId: other, createdAt: now, lastReadId })
          return Effect.succeed({ value, appended: event(by, other, true, now) })
        })

      const unblock = (by: UserId, other: UserId) =>
        Effect.map(DateTime.now, (time): Change<void> => {
          const now = DateTime.formatIso(time)
          const known = blockOf(tables, by, other)
          if (known === undefined) return { value: Effect.void, appended: [] }
          blocks.splice(blocks.indexOf(known), 1)
          const direct = directOf(tables, by, other)
          const hasRead = (direct?.members.get(other)?.lastReadId ?? 0) as MessageId
          const unblocked = event(by, other, false, now)
          if (direct === undefined || hasRead <= known.lastReadId)
            return { value: Effect.void, appended: unblocked }
          const read = { conversation_id: direct.id, user_id: other, message_id: hasRead }
          return {
            value: Effect.void,
            appended: [...unblocked, ...appendPayload(tables, [by], "read", read, now)]
          }
        })

      const list = (by: UserId, after: UserId | undefined, limit: number) =>
        Effect.suspend(() => {
          if (!inboxes.has(by)) return Effect.fail(new UserNotFound({ userId: by }))
          const found = blocks
            .filter(({ userId, blockedId }) => userId === by && blockedId > (after ?? 0))
            .sort((a, b) => a.blockedId - b.blockedId)
            .map(({ blockedId, createdAt }): BlockEntry => {
              const { username, display_name, avatar_url } = users[blockedId - 1]!
              return {
                user_id: by,
                blocked_id: blockedId,
                created_at: createdAt,
                username,
                display_name,
                ...(avatar_url === undefined ? {} : { avatar_url })
              }
            })
          return Effect.succeed(listOf(found, limit))
        })

      const among = (by: UserId, wanted: ReadonlyArray<UserId>) =>
        Effect.sync(() => new Set(wanted.filter((other) => blockOf(tables, by, other) !== undefined)))

      return BlockRepo.of({ block, unblock, list, among })
    })
  ).pipe(Layer.provide(MemoryTables.layer))
}

type BlockRow =
  | { readonly id: null }
  | {
      readonly id: UserId
      readonly username: string
      readonly display_name: string
      readonly avatar_url: string | null
      readonly created_at: Date
    }

const toEntry = (by: UserId, row: Exclude<BlockRow, { readonly id: null }>): BlockEntry => ({
  user_id: by,
  blocked_id: row.id,
  created_at: row.created_at.toISOString(),
  username: row.username,
  display_name: row.display_name,
  ...(row.avatar_url === null ? {} : { avatar_url: row.avatar_url })
})

const listOf = (found: ReadonlyArray<BlockEntry>, limit: number): BlockList => {
  const { page, next } = pageOf(found, limit, ({ blocked_id }) => blocked_id)
  return { blocks: page, next }
}
