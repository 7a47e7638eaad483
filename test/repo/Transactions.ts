import { Deferred, Effect, Fiber } from "effect"
import { Database } from "../../src/database/Database.ts"

/** Runs statements in a transaction of its own up to its end, and answers how to commit it. */
export const opened = Effect.fnUntraced(function* <A, E>(
  statements: (sql: Database["Service"]["sends"]) => Effect.Effect<A, E>
) {
  const { pipeline: sql } = yield* Database
  const ran = yield* Deferred.make<A>()
  const release = yield* Deferred.make<void>()
  const holder = yield* statements(sql).pipe(
    Effect.flatMap((value) => Deferred.succeed(ran, value)),
    Effect.andThen(Deferred.await(release)),
    sql.withTransaction,
    Effect.forkScoped
  )
  yield* Effect.raceFirst(Deferred.await(ran), Effect.andThen(Fiber.join(holder), Effect.never))
  return { commit: Effect.orDie(Effect.andThen(Deferred.succeed(release, undefined), Fiber.join(holder))) }
})

/** Waits until so many statements wait for a lock. */
export const somebodyWaits = (count = 1) =>
  Effect.flatMap(Database, ({ health: sql }) =>
    sql<{ readonly waiting: number }>`SELECT count(*)::int AS waiting FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock'`.pipe(
      Effect.repeat({ until: ([row]) => row!.waiting >= count })
    )
  )
