import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as DeadNodes from "../../src/chat/DeadNodes.ts"
import { RecentMessages } from "../../src/chat/RecentMessages.ts"
import * as Nodes from "../../src/presence/Nodes.ts"
import { Sessions } from "../../src/presence/Sessions.ts"
import { Redis } from "../../src/redis/Redis.ts"
import { freshRedisNode } from "../presence/Nodes.ts"
import { draft, memoryRepos, newPair, sendOne } from "../repo/Repos.ts"
import { redisUrl } from "../support/Services.ts"
import { until } from "../support/Until.ts"
import { textsOf } from "./Texts.ts"

const services = Layer.mergeAll(RecentMessages.layer, Sessions.layer).pipe(
  Layer.provideMerge(Layer.merge(freshRedisNode, memoryRepos))
)

const SECOND = 1000

/** A node that beat last so long ago, in milliseconds, by the time that its key has left. */
const leave = Effect.fnUntraced(function* (node: string, ago: number) {
  const { run, prefix } = yield* Redis
  yield* run((redis) =>
    Promise.all([
      redis.set(Nodes.keyOf(prefix, node), "up", "PX", Nodes.REMEMBERED - ago),
      redis.sadd(Nodes.setOf(prefix), node)
    ])
  )
})

const nodes = Effect.flatMap(Redis, ({ run, prefix }) => run((redis) => redis.smembers(Nodes.setOf(prefix))))

/** A message that is committed and pushed by nobody; `isRight` when the receiver's list, which was cached before, holds it. */
const afterAnUntoldMessage = Effect.gen(function* () {
  const { alice, bob } = yield* newPair
  const recent = yield* RecentMessages
  yield* sendOne(draft(alice, bob, "told"))
  assert.lengthOf(textsOf(yield* recent.list(bob.id)), 1)
  yield* sendOne(draft(alice, bob, "untold"))
  assert.lengthOf(textsOf(yield* recent.list(bob.id)), 1)
  return { isRight: Effect.map(recent.list(bob.id), (messages) => textsOf(messages).length === 2) }
})

describe.runIf(redisUrl !== undefined)("a node that died", () => {
  it.live("after a commit, and before it told anyone, leaves no wrong list once it is found dead", () =>
    Effect.gen(function* () {
      const { isRight } = yield* afterAnUntoldMessage
      yield* leave("dead", 31 * SECOND)

      yield* Effect.scoped(Effect.andThen(Layer.build(DeadNodes.layer), until(isRight)))
    }).pipe(Effect.provide(services))
  )

  it.live("is not found dead before its time", () =>
    Effect.gen(function* () {
      yield* leave("late", 20 * SECOND)
      yield* leave("dead", 31 * SECOND)

      yield* Effect.scoped(
        Effect.andThen(Layer.build(DeadNodes.layer), until(Effect.map(nodes, (ids) => !ids.includes("dead"))))
      )

      assert.include(yield* nodes, "late")
    }).pipe(Effect.provide(services))
  )
})
