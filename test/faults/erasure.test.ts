import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import * as Erased from "./support/Erased.ts"
import * as Infrastructure from "./support/Infrastructure.ts"
import { RedisServer } from "./support/RedisServer.ts"
import { scale } from "./support/Scale.ts"
import { until } from "./support/Until.ts"

/** How often all connections of the nodes to PostgreSQL are killed: the erasure is taken up again when its lease is over, after 10 s. */
const KILLS = 3

layer(Infrastructure.layer, { excludeTestServices: true, timeout: "300 seconds" })("An erasure", (it) => {
  it.effect("goes on on another node when its node is killed", () =>
    Effect.gen(function* () {
      const { nodes, urls, left, order, untilLess, conclude } = yield* Erased.make
      assert.strictEqual((yield* order(urls[0]!)).status, 202)
      yield* untilLess
      yield* nodes[0]!.signal("SIGKILL")
      assert.isAbove(yield* left, 0)
      assert.strictEqual((yield* order(urls[1]!)).status, 202)
      yield* conclude(urls[1]!)
    })
  )

  it.effect.skipIf(scale.short)("goes on when the only nodes are killed and one is started again", () =>
    Effect.gen(function* () {
      const { nodes, urls, left, order, untilLess, conclude, startNode } = yield* Erased.make
      assert.strictEqual((yield* order(urls[0]!)).status, 202)
      yield* untilLess
      for (const { signal } of nodes) yield* signal("SIGKILL")
      for (const { ended } of nodes) yield* ended
      assert.isAbove(yield* left, 0)
      yield* startNode(Number(new URL(urls[0]!).port))
      yield* conclude(urls[0]!)
    })
  )

  it.effect.skipIf(scale.short)("goes on when the connections to PostgreSQL are killed", () =>
    Effect.gen(function* () {
      const { urls, sql, left, order, untilLess, conclude } = yield* Erased.make
      assert.strictEqual((yield* order(urls[0]!)).status, 202)
      for (let kill = 0; kill < KILLS; kill++) {
        yield* untilLess
        yield* sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND application_name = 'minichat'`
        assert.isAbove(yield* left, 0, `after kill ${kill}`)
      }
      yield* conclude(urls[0]!)
    })
  )

  it.effect.skipIf(scale.short)(
    "erases tables while Redis is frozen, and is finished once Redis has forgotten, too",
    () =>
      Effect.gen(function* () {
        const redis = yield* RedisServer
        const { urls, left, order, untilLess, conclude } = yield* Erased.make
        assert.strictEqual((yield* order(urls[0]!)).status, 202)
        yield* untilLess
        yield* redis.freeze
        yield* until(
          "all messages are erased",
          Effect.map(left, (count) => count === 0),
          "120 seconds"
        )
        assert.strictEqual((yield* order(urls[1]!)).status, 202)
        yield* redis.thaw
        yield* conclude(urls[1]!)
      })
  )

  it.effect.skipIf(scale.short)("is finished when Redis was killed meanwhile", () =>
    Effect.gen(function* () {
      const redis = yield* RedisServer
      const { urls, left, order, untilLess, conclude } = yield* Erased.make
      yield* redis.kill
      assert.strictEqual((yield* order(urls[0]!)).status, 202)
      yield* untilLess
      assert.isAbove(yield* left, 0)
      yield* redis.start
      yield* conclude(urls[0]!)
    })
  )
})
