import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
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
/** A send waits for Redis at most 100 ms; the rest is for a busy machine. */
const EXTRA_SEND_TIME = 250

/** Runs the load, takes Redis away and brings it back, and holds everything that should be so meanwhile. */
const withRedisAway = Effect.fnUntraced(function* (options: {
  readonly fault: string
  readonly away: Effect.Effect<unknown>
  readonly back: Effect.Effect<unknown>
}) {
  const deployment = yield* Deployment.make()
  const beganAt = performance.now()
  const load = yield* Load.start(deployment)
  const wentAt = performance.now()
  yield* options.away
  yield* Effect.sleep(scale.redisOutage)
  const wrongDuring = yield* wrongLists({ ...deployment, users: deployment.users.slice(0, 10) })
  const backAt = performance.now()
  yield* options.back
  yield* load.acknowledged(scale.sendsPerSecond)
  const wrongWithLoad = yield* wrongLists(deployment)
  yield* load.stop

  const seen = { ...deployment, sends: load.sends }
  const before = acknowledgementsWithin(load.sends, { from: beganAt, to: wentAt })
  const during = acknowledgementsWithin(load.sends, { from: wentAt, to: backAt })
  yield* conclude({
    ...seen,
    fault: options.fault,
    notes: [`acknowledged in p99 ${before.p99} ms before, p99 ${during.p99} max ${during.max} ms during`]
  })
  const noticed = deliveriesWithin(seen, { from: wentAt + NOTICED_WITHIN, to: backAt - DELIVERED_WITHIN })
  const unnoticed = deliveriesWithin(seen, { from: wentAt, to: wentAt + NOTICED_WITHIN })
  assert.isAtMost(noticed.max, DELIVERED_WITHIN, "delivery from PostgreSQL while Redis is away")
  assert.isAtMost(unnoticed.max, NOTICED_WITHIN + DELIVERED_WITHIN, "delivery before it was noticed")
  assert.isAtMost(during.p99, before.p99 + EXTRA_SEND_TIME, "sends wait for Redis")
  assert.strictEqual(wrongDuring, 0, "wrong recent lists during the outage")
  assert.strictEqual(wrongWithLoad, 0, "wrong recent lists after the outage")
  assert.strictEqual(yield* wrongLists(deployment), 0, "wrong recent lists in the end")
  assertConnected(deployment.clients)
})

layer(Infrastructure.layer, { excludeTestServices: true, timeout: "60 seconds" })("Redis", (it) => {
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
      yield* conclude({ ...deployment, sends: load.sends, fault: "FLUSHALL" })
      assert.strictEqual(wrong + (yield* wrongLists(deployment)), 0, "wrong recent lists")
    })
  )

  it.effect("has no memory left", () =>
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
      yield* conclude({ ...deployment, sends: load.sends, fault: "Redis out of memory" })
      assert.strictEqual(wrongDuring, 0, "wrong recent lists while memory is short")
      assert.strictEqual(yield* wrongLists(deployment), 0, "wrong recent lists in the end")
    })
  )
})
