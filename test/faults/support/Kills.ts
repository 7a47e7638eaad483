import { Deferred, Effect, Fiber, Latch, Scope } from "effect"
import type { Deployment } from "./Deployment.ts"
import { until } from "./Until.ts"

const WAITS_WITHIN = "10 seconds"
const COMMITTED_WITHIN = "10 seconds"

/** Kills the nodes of a deployment one at a time, and starts each again on its port. */
export const make = Effect.fn("Kills.make")(function* ({ nodes, sql, startNode }: Deployment) {
  const scope = yield* Effect.scope
  const running = [...nodes]
  const settled = yield* Latch.make(true)
  let restart: Fiber.Fiber<void> | undefined
  const kills = { all: 0, inFlight: 0 }

  const restarted = Effect.suspend(() => (restart === undefined ? Effect.void : Fiber.join(restart)))

  const kill = Effect.fnUntraced(function* (place: number) {
    kills.all++
    const node = running[place]!
    yield* node.signal("SIGKILL")
    yield* node.ended
    const port = Number(new URL(node.url).port)
    restart = yield* Effect.map(startNode(port), (again) => {
      running[place] = again
    }).pipe(Effect.provideService(Scope.Scope, scope), Effect.forkIn(scope))
  })

  /** Holds the heads of all inboxes until `release`; answers the backend that does. */
  const holdInboxes = Effect.fnUntraced(function* (release: Deferred.Deferred<void>) {
    const held = yield* Deferred.make<number>()
    const holding = sql<{
      readonly pid: number
    }>`SELECT pg_backend_pid() AS pid FROM inboxes FOR UPDATE`.pipe(
      Effect.flatMap(([row]) => Deferred.succeed(held, row!.pid)),
      Effect.andThen(Deferred.await(release)),
      sql.withTransaction,
      Effect.orDie
    )
    yield* Effect.forkIn(holding, scope)
    return yield* Deferred.await(held)
  })

  return {
    /** How often a node was killed, and how often an operation waited in it. */
    kills,
    /** No operation is on its way to a commit any more in a node that was killed. */
    settled: settled.await,
    /** Waits until all nodes run. */
    restarted,
    isAlive: () => running.every((node) => node.isAlive()),
    /** Kills a node while a call is on its way. */
    beside: <A>(place: number, call: Effect.Effect<A>) =>
      Effect.andThen(
        restarted,
        Effect.map(Effect.all([call, kill(place)], { concurrency: "unbounded" }), ([answer]) => answer)
      ),
    /**
     * Kills a node while its database works on a call: the call waits for the heads of the inboxes, and commits when its node is
     * dead, so that its answer is lost.
     */
    during: Effect.fnUntraced(function* <A>(place: number, call: Effect.Effect<A>) {
      yield* restarted
      const release = yield* Deferred.make<void>()
      const holder = yield* holdInboxes(release)
      const calling = yield* Effect.forkIn(call, scope)
      const waiting = Effect.orDie(
        sql<{
          readonly pid: number
        }>`SELECT pid FROM pg_stat_activity WHERE ${holder} = ANY(pg_blocking_pids(pid))`
      )
      let pids: ReadonlyArray<number> = []
      const waits = until(
        "the call waits for the inboxes",
        Effect.map(waiting, (rows) => {
          pids = rows.map(({ pid }) => pid)
          return pids.length > 0
        }),
        WAITS_WITHIN
      )
      yield* Effect.raceFirst(waits, Fiber.await(calling))
      yield* settled.close
      if (pids.length > 0) kills.inFlight++
      yield* kill(place)
      yield* Deferred.succeed(release, undefined)
      const working = Effect.orDie(
        sql`SELECT FROM pg_stat_activity WHERE pid = ANY(${pids}) AND state = 'active'`
      )
      yield* until(
        "the database has done with the call",
        Effect.map(working, (rows) => rows.length === 0),
        COMMITTED_WITHIN
      )
      yield* settled.open
      return yield* Fiber.join(calling)
    })
  }
})
