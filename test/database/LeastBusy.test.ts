import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Option, Redacted } from "effect"
import { Database } from "../../src/database/Database.ts"
import { UserRepo } from "../../src/repo/UserRepo.ts"
import { newPair, reposOn } from "../repo/Repos.ts"
import { databaseUrl, freshDatabase } from "../support/Services.ts"
import { tcpProxy } from "../support/TcpProxy.ts"
import { until } from "../support/Until.ts"

const CONNECTIONS = 4

const reposWith = Effect.fnUntraced(function* () {
  const fresh = yield* freshDatabase
  const proxy = yield* tcpProxy(new URL(Redacted.value(Option.getOrThrow(fresh.databaseUrl))))
  const repos = yield* Layer.build(
    reposOn({
      databaseUrl: Option.some(Redacted.make(proxy.url.href)),
      databasePoolSize: CONNECTIONS
    })
  )
  const { pipeline, sends } = Context.get(repos, Database)
  const users = Context.get(repos, UserRepo)
  /** How many connections wait for the lock. */
  const waiters = sends<{ readonly count: number }>`
    SELECT count(DISTINCT pid)::int AS count FROM pg_locks
    WHERE relation = 'held'::regclass AND NOT granted`.pipe(Effect.map((rows) => rows[0]!.count))
  /** A connection is known to be slow after a while only. */
  const areSlow = (count: number) =>
    sends`SELECT FROM pg_locks WHERE waitstart < clock_timestamp() - interval '300 milliseconds'`.pipe(
      Effect.map((rows) => rows.length >= count)
    )
  return { repos, proxy, pipeline, sends, users, waiters, areSlow }
})

describe.runIf(databaseUrl !== undefined)("the connections for reads", () => {
  it.live("of which some wait for a lock do not hold up statements while another is free", () =>
    Effect.gen(function* () {
      const { repos, pipeline, sends, users, waiters, areSlow } = yield* reposWith()
      const { alice } = yield* Effect.provideContext(newPair, repos)
      yield* sends`CREATE TABLE held ()`
      yield* Effect.gen(function* () {
        yield* sends`LOCK TABLE held IN ACCESS EXCLUSIVE MODE`
        const slow = yield* Effect.forEach([1, 2, 3], (waiting) =>
          Effect.gen(function* () {
            const fiber = yield* Effect.forkChild(pipeline`SELECT * FROM held`)
            // Each waits on a connection of its own: where they share one, only the first is at the lock.
            yield* until(Effect.map(waiters, (count) => count === waiting))
            return fiber
          })
        )

        yield* until(areSlow(3))
        const found = yield* Effect.all(
          Array.from({ length: 100 }, () => users.find(alice.id)),
          { concurrency: "unbounded" }
        )

        assert.lengthOf(found, 100)
        for (const fiber of slow) assert.isUndefined(fiber.pollUnsafe())
        yield* Fiber.interruptAll(slow)
      }).pipe(sends.withTransaction)
    })
  )

  it.live("serve while no more can be opened, and after all were lost", () =>
    Effect.gen(function* () {
      const { repos, proxy, pipeline, sends, users, waiters, areSlow } = yield* reposWith()
      const { alice } = yield* Effect.provideContext(newPair, repos)
      yield* sends`CREATE TABLE held ()`
      yield* sends.withTransaction(
        Effect.gen(function* () {
          yield* sends`LOCK TABLE held IN ACCESS EXCLUSIVE MODE`
          const slow = yield* Effect.forkChild(pipeline`SELECT * FROM held`)
          yield* until(Effect.map(waiters, (count) => count === 1))
          yield* users.find(alice.id)
          yield* proxy.refuse
          yield* until(areSlow(1))

          const found = yield* Effect.all(
            Array.from({ length: 100 }, () => users.find(alice.id)),
            { concurrency: "unbounded" }
          )

          assert.lengthOf(found, 100)
          assert.isUndefined(slow.pollUnsafe())
          yield* Fiber.interrupt(slow)
        })
      )

      yield* proxy.cut
      yield* proxy.restore
      yield* until(Effect.match(users.find(alice.id), { onFailure: () => false, onSuccess: () => true }))
    })
  )

  it.live("run a transaction's statements on one connection, which no other statement uses", () =>
    Effect.gen(function* () {
      const { pipeline } = yield* reposWith()
      const pid = Effect.map(
        pipeline<{ readonly pid: number }>`SELECT pg_backend_pid() AS pid`,
        (rows) => rows[0]!.pid
      )

      const [inside, outside] = yield* Effect.all(
        [
          pipeline.withTransaction(Effect.all(Array.from({ length: 20 }, () => pid))),
          Effect.all(
            Array.from({ length: 20 }, () => pid),
            { concurrency: "unbounded" }
          )
        ],
        { concurrency: "unbounded" }
      )

      assert.lengthOf(new Set(inside), 1)
      assert.notInclude(outside, inside[0])
    })
  )
})
