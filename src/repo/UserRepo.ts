import { Context, DateTime, Effect, Layer } from "effect"
import { Database } from "../database/Database.ts"
import { int4, textArray } from "../database/SqlParameters.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import { MAX_USER_ID, type User, UserId, UserNotFound, UsernameTaken } from "../domain/User.ts"
import { imitates, lookOf } from "./Looks.ts"
import { MemoryTables } from "./MemoryTables.ts"
import { toUser, type UserRow } from "./Rows.ts"

/**
 * The users. A user and its empty inbox are created in one transaction. Its id and username never change. One that is erased is not
 * found.
 */
export class UserRepo extends Context.Service<
  UserRepo,
  {
    /**
     * Creates a user. Fails when the username is taken, or imitates another one in another script or form; usernames are
     * case-sensitive, and within one script all differ. After `Unavailable` the user may exist all the same.
     */
    create(username: string, displayName: string): Effect.Effect<User, UsernameTaken | Unavailable>
    /** Users by ascending id, with ids above `afterId` when it is given: at most `limit`, after the first `skip`. */
    list(skip: number, limit: number, afterId?: UserId): Effect.Effect<ReadonlyArray<User>, Unavailable>
    /** Finds a user. An id above the range of int4 is not found, without a query. */
    find(id: UserId): Effect.Effect<User, UserNotFound | Unavailable>
  }
>()("minichat/repo/UserRepo") {
  static readonly layer = Layer.effect(
    UserRepo,
    Effect.gen(function* () {
      // Creating a user waits for no lock that others hold long: it may go through the pipeline.
      const { pipeline: sql, inPipeline } = yield* Database

      const create = Effect.fn("UserRepo.create")(function* (username: string, displayName: string) {
        const { skeleton, scripts } = lookOf(username)
        const rows = yield* sql<UserRow>`SELECT * FROM create_distinct_user(
            ${username}, ${displayName}, ${skeleton}, ${textArray(scripts)}
          )`.pipe(
          Effect.catchReason("SqlError", "UniqueViolation", ({ constraint }) =>
            Effect.fail(new UsernameTaken({ username, isAlike: constraint === "username_looks" }))
          ),
          inPipeline
        )
        return toUser(rows[0]!)
      })

      const list = Effect.fn("UserRepo.list")(function* (skip: number, limit: number, afterId?: UserId) {
        if (afterId !== undefined && afterId > MAX_USER_ID) return []
        const rows = yield* inPipeline(
          sql<UserRow>`SELECT * FROM users WHERE id > ${int4(afterId ?? 0)} AND deleted_at IS NULL ORDER BY id OFFSET ${int4(skip)} LIMIT ${int4(limit)}`
        )
        return rows.map(toUser)
      })

      const find = Effect.fnUntraced(function* (id: UserId) {
        if (id > MAX_USER_ID) return yield* new UserNotFound({ userId: id })
        const rows = yield* inPipeline(
          sql<UserRow>`SELECT * FROM users WHERE id = ${int4(id)} AND deleted_at IS NULL`
        )
        const row = rows[0]
        return row === undefined ? yield* new UserNotFound({ userId: id }) : toUser(row)
      })

      return UserRepo.of({ create, list, find })
    })
  )

  static readonly layerMemory = Layer.effect(
    UserRepo,
    Effect.gen(function* () {
      const { users, inboxes, erasures } = yield* MemoryTables

      const create = Effect.fn("UserRepo.create")(function* (username: string, displayName: string) {
        const created_at = DateTime.formatIso(yield* DateTime.now)
        const look = lookOf(username)
        if (users.some((user) => user.username === username)) {
          return yield* new UsernameTaken({ username, isAlike: false })
        }
        if (users.some((other) => imitates(look, lookOf(other.username)))) {
          return yield* new UsernameTaken({ username, isAlike: true })
        }
        const user = { id: UserId.make(users.length + 1), username, display_name: displayName, created_at }
        users.push(user)
        inboxes.set(user.id, { events: [], lastSeq: 0, prunedSeq: 0 })
        return user
      })

      const list = (skip: number, limit: number, afterId?: UserId) =>
        Effect.sync(() =>
          users.filter(({ id }) => id > (afterId ?? 0) && !erasures.has(id)).slice(skip, skip + limit)
        )

      const find = (id: UserId) =>
        Effect.suspend(() => {
          const user = users[id - 1]
          return user === undefined || erasures.has(id)
            ? Effect.fail(new UserNotFound({ userId: id }))
            : Effect.succeed(user)
        })

      return UserRepo.of({ create, list, find })
    })
  ).pipe(Layer.provide(MemoryTables.layer))
}
