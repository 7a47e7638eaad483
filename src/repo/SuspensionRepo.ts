import { Context, DateTime, Effect, Layer } from "effect"
import { Database } from "../database/Database.ts"
import type { Suspension } from "../domain/Moderation.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import { type UserId, UserNotFound } from "../domain/User.ts"
import { changing } from "./ChangeRows.ts"
import { MemoryTables } from "./MemoryTables.ts"
import { userParameter } from "./UserParameters.ts"

/**
 * Which users are suspended.
 *
 * Guarantee: a suspension and a send of the user lock the same inbox, so the later one to commit sees the earlier one. Each suspension
 * and each end of one is an order of `DisconnectRepo`, by which the nodes learn of it.
 */
export class SuspensionRepo extends Context.Service<
  SuspensionRepo,
  {
    find(userId: UserId): Effect.Effect<Suspension, UserNotFound | Unavailable>
    /** Suspends a user. A repeated call is answered with the time of the first one. */
    suspend(userId: UserId): Effect.Effect<Suspension, UserNotFound | Unavailable>
    /** Ends the suspension of a user, if it is suspended. */
    restore(userId: UserId): Effect.Effect<void, UserNotFound | Unavailable>
  }
>()("minichat/repo/SuspensionRepo") {
  static readonly layer = Layer.effect(
    SuspensionRepo,
    Effect.gen(function* () {
      const database = yield* Database
      const { pipeline: sql, inPipeline } = database
      const change = changing(database)

      const answer = Effect.fnUntraced(function* (userId: UserId, rows: ReadonlyArray<Row>) {
        if (rows[0] === undefined) return yield* new UserNotFound({ userId })
        return { user_id: userId, suspended_at: rows[0].suspended_at?.toISOString() ?? null }
      })

      const changeSuspension = (userId: UserId, suspends: boolean) =>
        Effect.flatMap(
          change<Row>((sql) => sql`SELECT * FROM change_suspension(${userParameter(userId)}, ${suspends})`),
          (rows) => answer(userId, rows)
        )

      return SuspensionRepo.of({
        find: (userId) =>
          Effect.flatMap(
            inPipeline(
              sql<Row>`SELECT suspended_at FROM users WHERE id = ${userParameter(userId)} AND deleted_at IS NULL`
            ),
            (rows) => answer(userId, rows)
          ),
        suspend: (userId) => changeSuspension(userId, true),
        restore: (userId) => Effect.asVoid(changeSuspension(userId, false))
      })
    })
  )

  static readonly layerMemory = Layer.effect(
    SuspensionRepo,
    Effect.gen(function* () {
      const { inboxes, suspended } = yield* MemoryTables

      const find = (userId: UserId) =>
        Effect.suspend(() =>
          inboxes.has(userId)
            ? Effect.succeed({ user_id: userId, suspended_at: suspended.get(userId) ?? null })
            : Effect.fail(new UserNotFound({ userId }))
        )

      const suspend = Effect.fnUntraced(function* (userId: UserId) {
        const now = DateTime.formatIso(yield* DateTime.now)
        yield* find(userId)
        if (!suspended.has(userId)) suspended.set(userId, now)
        return yield* find(userId)
      })

      const restore = (userId: UserId) =>
        Effect.asVoid(Effect.tap(find(userId), () => Effect.sync(() => suspended.delete(userId))))

      return SuspensionRepo.of({ find, suspend, restore })
    })
  ).pipe(Layer.provide(MemoryTables.layer))
}

interface Row {
  readonly suspended_at: Date | null
}
