import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { UserId } from "../../src/domain/User.ts"
import * as Nodes from "../../src/redis/Nodes.ts"
import * as Older from "../../src/redis/OlderNodes.ts"
import { Redis } from "../../src/redis/Redis.ts"
import { freshRedisNode, redisClient } from "../presence/Nodes.ts"
import { redisUrl } from "../support/Services.ts"

const user = UserId.make(7)

const tests = () => {
  /** Whether a list that release 1.0 keeps is there still after a send, with a node of 1.0 that beat so long ago. */
  const isKept = Effect.fnUntraced(function* (lastBeat: number | undefined) {
    const { prefix } = yield* Redis
    const client = yield* redisClient
    const list = `${prefix}user:${user}:recent_messages`
    const keys = [list, `${prefix}{${list}}:json`]
    yield* Effect.promise(async () => {
      for (const key of keys) await client.set(key, "cached")
      if (lastBeat === undefined) return
      await client.sadd(Nodes.setOf(prefix), "old")
      await client.set(Nodes.keyOf(prefix, "old"), "up", "PX", Nodes.REMEMBERED - lastBeat)
    })
    const { forgetRecentList } = yield* Effect.provide(Older.OlderNodes, Layer.fresh(Older.layer))
    yield* forgetRecentList(user)
    return (yield* Effect.promise(() => client.exists(...keys))) > 0
  })

  it.live("a list that a running node of release 1.0 would answer is deleted", () =>
    Effect.gen(function* () {
      assert.isFalse(yield* isKept(1000))
    }).pipe(Effect.provide(freshRedisNode))
  )

  for (const [when, lastBeat] of [
    ["no node of release 1.0 was ever there", undefined],
    ["the last one died a minute ago", 60_000]
  ] as const) {
    it.live(`nothing is deleted when ${when}`, () =>
      Effect.gen(function* () {
        assert.isTrue(yield* isKept(lastBeat))
      }).pipe(Effect.provide(freshRedisNode))
    )
  }
}

describe.runIf(redisUrl !== undefined)("OlderNodes", tests)
