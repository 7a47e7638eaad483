import { Context, Effect, Layer, Result } from "effect"
import type { Statement } from "effect/sql"
import { Database } from "../database/Database.ts"
import { int4, int4Array } from "../database/SqlParameters.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import {
  type ExternalId,
  ExternalIdNotFound,
  MAX_USER_ID,
  type User,
  type UserId,
  UserNotFound,
  UsernameTaken
} from "../domain/User.ts"
import { endOf, fold } from "./FoldedNames.ts"
import { MemoryTables } from "./MemoryTables.ts"
import { toUser, type UserRow } from "./Rows.ts"
import type { NameQuery } from "./UserQueries.ts"
import { usersInMemory } from "./UsersInMemory.ts"
import { usersInSql } from "./UsersInSql.ts"

/** When a user shares conversations with more users than this, its lists have those of its latest conversations only. */
const MOST_FELLOWS = 20_000

/**
 * The users. A user and its empty inbox are created in one transaction. Its id and username never change. An erased user is not
 * found.
 */
export class UserRepo extends Context.Service<
  UserRepo,
  {
    /**
     * Creates a user. Fails when the username is taken, or imitates another one in another script or form. Usernames are
     * case-sensitive; two with the same NFKC form are one name. After `Unavailable` the user may exist all the same.
     */
    create(username: string, displayName: string): Effect.Effect<User, UsernameTaken | Unavailable>
    /**
     * Users by ascending id, with ids above `afterId` when it is given: at most `limit`, after the first `skip`. With `fellowsOf`, only
     * those who share a conversation with that user, and itself.
     */
    list(
      skip: number,
      limit: number,
      afterId?: UserId,
      fellowsOf?: UserId
    ): Effect.Effect<ReadonlyArray<User>, Unavailable>
    /** Those of the users who share a conversation with a user. */
    fellowsAmong(
      userId: UserId,
      others: ReadonlyArray<UserId>
    ): Effect.Effect<ReadonlyArray<UserId>, Unavailable>
    /** Finds a user. An id above the range of int4 is not found, without a query. */
    find(id: UserId): Effect.Effect<User, UserNotFound | Unavailable>
    /** The user with an external id. */
    findExternal(id: ExternalId): Effect.Effect<User, ExternalIdNotFound | Unavailable>
    /** The user with a username, in any form with the same NFKC form; `undefined` when no user has it. */
    named(username: string): Effect.Effect<User | undefined, Unavailable>
    /** The users whose names begin with a text. A page is a range of an index, with any number of users. */
    search(query: NameQuery): Effect.Effect<ReadonlyArray<User>, Unavailable>
  }
>()("minichat/repo/UserRepo") {
  static readonly layer = Layer.effect(
    UserRepo,
    Effect.gen(function* () {
      const database = yield* Database
      const { pipeline: sql, inPipeline } = database
      const rows = usersInSql(database)

      const create = Effect.fn("UserRepo.create")(function* (username: string, displayName: string) {
        const made = yield* rows.make({ username, displayName })
        return Result.isSuccess(made) ? made.success : yield* new UsernameTaken({ username, ...made.failure })
      })

      // A subquery, so that no plan calls the function for each row.
      const isFellow = (column: string, me: UserId | undefined) =>
        me === undefined
          ? sql`true`
          : sql`${sql.literal(column)} = ANY ((SELECT fellows_of(${int4(Math.min(me, MAX_USER_ID))}, ${int4(MOST_FELLOWS)}))::int[])`

      const list = Effect.fn("UserRepo.list")(function* (
        skip: number,
        limit: number,
        afterId?: UserId,
        fellowsOf?: UserId
      ) {
        if (afterId !== undefined && afterId > MAX_USER_ID) return []
        const rows = yield* inPipeline(
          sql<UserRow>`SELECT * FROM users WHERE id > ${int4(afterId ?? 0)} AND deleted_at IS NULL AND ${isFellow("id", fellowsOf)} ORDER BY id OFFSET ${int4(skip)} LIMIT ${int4(limit)}`
        )
        return rows.map(toUser)
      })

      const find = Effect.fnUntraced(function* (id: UserId) {
        if (id > MAX_USER_ID) return yield* new UserNotFound({ userId: id })
        return (yield* rows.find(id)) ?? (yield* new UserNotFound({ userId: id }))
      })

      const fellowsAmong = Effect.fnUntraced(function* (userId: UserId, others: ReadonlyArray<UserId>) {
        const asked = others.filter((id) => id <= MAX_USER_ID)
        if (userId > MAX_USER_ID || asked.length === 0) return []
        const rows = yield* inPipeline(
          sql<{ readonly id: UserId }>`SELECT o.id FROM unnest(${int4Array(asked)}) AS o (id)
            WHERE EXISTS (
              SELECT FROM members t JOIN members m ON m.conversation_id = t.conversation_id
              WHERE t.user_id = o.id AND m.user_id = ${int4(userId)}
            )`
        )
        return rows.map(({ id }) => id)
      })

      const findExternal = Effect.fnUntraced(function* (id: ExternalId) {
        return (yield* rows.findExternal(id)) ?? (yield* new ExternalIdNotFound())
      })

      const named = Effect.fn("UserRepo.named")(function* (username: string) {
        const rows = yield* inPipeline(
          sql<UserRow>`SELECT * FROM users WHERE normalize(username, NFKC) = normalize(${username}, NFKC) AND deleted_at IS NULL
            ORDER BY username <> ${username}, id LIMIT 1`
        )
        return rows[0] && toUser(rows[0])
      })

      // A user has the place of the first of its names that matches; its other name is skipped. The place of `afterId` is looked up by
      // its two names. Only the row comparison bounds the range from below: beside a second lower bound PostgreSQL uses the first one
      // that it meets, which takes 250 ms more among a million users (bench/README.md, "What comments quote"). OFFSET 0 makes it look
      // up each user by id: it cannot estimate their number, and would scan all users instead.
      const search = Effect.fn("UserRepo.search")(function* (query: NameQuery) {
        const { prefix, afterId, fellowsOf, skip, limit } = query
        if (afterId !== undefined && afterId > MAX_USER_ID) return []
        const [from, to] = [fold(prefix), endOf(fold(prefix))]
        const place = (value: Statement.Fragment) =>
          sql`(SELECT ${value} FROM user_names p
            WHERE p.user_id = ${int4(afterId ?? 0)} AND p.name >= ${from} AND p.name < ${to})`
        const rows = yield* inPipeline(
          sql<UserRow>`SELECT u.* FROM (
              SELECT n.name, n.user_id FROM user_names n
              WHERE n.name < ${to} AND ${isFellow("n.user_id", fellowsOf)}
                AND (n.name, n.user_id) > (
                  coalesce(${place(sql`min(p.name)`)}, ${from}),
                  ${place(sql`CASE WHEN min(p.name) IS NULL THEN 0 ELSE ${int4(afterId ?? 0)} END`)}
                )
                AND (n.other IS NULL OR n.other > n.name OR n.other < ${from} OR n.other >= ${to})
              ORDER BY n.name, n.user_id OFFSET ${int4(skip)} LIMIT ${int4(limit)}
            ) found CROSS JOIN LATERAL (SELECT * FROM users u WHERE u.id = found.user_id OFFSET 0) u
            ORDER BY found.name, found.user_id`
        )
        return rows.map(toUser)
      })

      return UserRepo.of({ create, list, find, fellowsAmong, findExternal, named, search })
    })
  )

  static readonly layerMemory = Layer.effect(UserRepo, Effect.map(MemoryTables, usersInMemory)).pipe(
    Layer.provide(MemoryTables.layer)
  )
}
