import { assert, layer } from "@effect/vitest"
import { Effect, Random, Schedule } from "effect"
import * as Deployment from "./support/Deployment.ts"
import * as Infrastructure from "./support/Infrastructure.ts"
import * as Load from "./support/Load.ts"
import { acknowledgementsWithin, assertConnected, conclude, deliveriesWithin } from "./support/Outcome.ts"
import { wrongLists } from "./support/RecentList.ts"
import { RedisServer } from "./support/RedisServer.ts"
import { scale } from "./support/Scale.ts"

/** Until a node knows that Redis is away: a PING every 500 ms that gets no reply in 500 ms. */
const NOTICED_WITHIN = 1_000
const DELIVERED_WITHIN = 1_500
const FLAPS = 8
/** A send waits for Redis at most 100 ms. */
const EXTRA_SEND_TIME = 100

/** Runs the load, takes Redis away and brings it back, and holds everything that should be so meanwhile. */
const withRedisAway = Effect.fnUntraced(function* (options: {
  readonly fault: string
  readonly away: Effect.Effect<unknown>
  readonly back: Effect.Effect<unknown>
}) {
  const deployment = yield* Deployment.make()
  const beganAt = performance.now()
  const load = yield* Load.start(deployment)
  yield* load.acknowledged(2 * scale.sendsPerSecond)
  const wentAt = performance.now()
  yield* options.away
  yield* Effect.sleep(scale.redisOutage)
  const wrongDuring = yield* wrongLists({ ...deployment, users: deployment.users.slice(0, 10) })
  const backAt = performance.now()
  yield* options.back
  yield* load.acknowledged(scale.sendsPerSecond)
  const wrongWithLoad = yield* wrongLists(deployment)
  yield* load.stop

  const seen = { ...deployment, load }
  const calm = { from: beganAt, to: wentAt }
  const outage = { from: wentAt, to: backAt }
  const sentCalm = acknowledgementsWithin(load.sends, calm)
  const sentAway = acknowledgementsWithin(load.sends, outage)
  yield* conclude({
    ...seen,
    fault: options.fault,
    notes: [
      `acknowledged in p50 ${sentCalm.p50} p99 ${sentCalm.p99} ms before, p50 ${sentAway.p50} p99 ${sentAway.p99} ms during`
    ]
  })
  // What a busy machine takes without any fault is not counted against the server.
  const busy = deliveriesWithin(seen, calm).max
  const noticed = deliveriesWithin(seen, { from: wentAt + NOTICED_WITHIN, to: backAt - DELIVERED_WITHIN })
  const around = deliveriesWithin(seen, { from: wentAt, to: Number.POSITIVE_INFINITY })
  assert.isAtMost(noticed.max, DELIVERED_WITHIN + busy, "delivery from PostgreSQL while Redis is away")
  assert.isAtMost(
    around.max,
    NOTICED_WITHIN + DELIVERED_WITHIN + busy,
    "delivery as Redis goes and comes back"
  )
  assert.isAtMost(sentAway.p50, sentCalm.p50 + EXTRA_SEND_TIME, "sends wait for Redis")
  assert.strictEqual(wrongDuring, 0, "wrong recent lists during the outage")
  assert.strictEqual(wrongWithLoad, 0, "wrong recent lists after the outage")
  assert.strictEqual(yield* wrongLists(deployment), 0, "wrong recent lists in the end")
  assertConnected(deployment.clients)
})

layer(Infrastructure.layer, { excludeTestServices: true, timeout: "120 seconds" })("Redis", (it) => {
  it.effect("stops answering, with its connections open", () =>
    Effect.gen(function* () {
      const redis = yield* RedisServer
      yield* withRedisAway({ fault: "Redis frozen", away: redis.freeze, back: redis.thaw })
    })
  )

  it.effect("is killed, and comes back empty", () =>
    Effect.gen(function* () {
      const redis = yield* RedisServer
      yield* withRedisAway({ fault: "Redis killed", away: redis.kill, back: redis.start })
    })
  )

  it.effect.skipIf(scale.short)("comes and goes, and the nodes notice at different moments", () =>
    Effect.gen(function* () {
      const redis = yield* RedisServer
      const deployment = yield* Deployment.make()
      const beganAt = performance.now()
      const load = yield* Load.start(deployment)
      yield* load.acknowledged(2 * scale.sendsPerSecond)
      const firstAt = performance.now()
      yield* Effect.gen(function* () {
        yield* redis.freeze
        yield* Effect.sleep(2 * NOTICED_WITHIN)
        yield* redis.thaw
        yield* Effect.sleep(NOTICED_WITHIN + (yield* Random.nextBetween(0, NOTICED_WITHIN)))
      }).pipe(Effect.repeat(Schedule.recurs(FLAPS - 1)), Random.withSeed(deployment.seed))
      yield* load.stop

      const seen = { ...deployment, load }
      yield* conclude({ ...seen, fault: "Redis comes and goes" })
      const busy = deliveriesWithin(seen, { from: beganAt, to: firstAt }).max
      const slowest = deliveriesWithin(seen, { from: firstAt, to: Number.POSITIVE_INFINITY }).max
      assert.isAtMost(slowest, NOTICED_WITHIN + DELIVERED_WITHIN + busy, "delivery as Redis comes and goes")
      assert.strictEqual(yield* wrongLists(deployment), 0, "wrong recent lists")
    })
  )

  it.effect("loses everything that it held", () =>
    Effect.gen(function* () {
      const redis = yield* RedisServer
      const deployment = yield* Deployment.make()
      const load = yield* Load.start(deployment)
      let wrong = 0
      for (let times = 0; times < 5; times += 1) {
        yield* redis.command("FLUSHALL")
        yield* load.acknowledged(scale.sendsPerSecond / 2)
        wrong += yield* wrongLists({ ...deployment, users: deployment.users.slice(0, 10) })
      }
      yield* load.stop
      yield* conclude({ ...deployment, load, fault: "FLUSHALL" })
      assert.strictEqual(wrong + (yield* wrongLists(deployment)), 0, "wrong recent lists")
    })
  )

  it.effect.skipIf(scale.short)("has no memory left", () =>
    Effect.gen(function* () {
      const redis = yield* RedisServer
      yield* Effect.addFinalizer(() => redis.command("CONFIG", "SET", "maxmemory", "0"))
      const deployment = yield* Deployment.make()
      const load = yield* Load.start(deployment)
      yield* redis.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
      yield* redis.command("CONFIG", "SET", "maxmemory", "1")
      yield* Effect.sleep(scale.redisOutage)
      const wrongDuring = yield* wrongLists({ ...deployment, users: deployment.users.slice(0, 10) })
      yield* redis.command("CONFIG", "SET", "maxmemory", "0")
      yield* load.acknowledged(scale.sendsPerSecond)
      yield* load.stop
      yield* conclude({ ...deployment, load, fault: "Redis out of memory" })
      assert.strictEqual(wrongDuring, 0, "wrong recent lists while memory is short")
      assert.strictEqual(yield* wrongLists(deployment), 0, "wrong recent lists in the end")
    })
  )
})
