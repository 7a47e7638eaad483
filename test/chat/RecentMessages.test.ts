import { isDeepStrictEqual } from "node:util"
import { assert, describe, it, layer } from "@effect/vitest"
import { Context, Deferred, Effect, Fiber, Layer, References } from "effect"
import { RecentMessages } from "../../src/chat/RecentMessages.ts"
import { messageJson } from "../../src/domain/Event.ts"
import type { User } from "../../src/domain/User.ts"
import { Redis } from "../../src/redis/Redis.ts"
import { MessageRepo } from "../../src/repo/MessageRepo.ts"
import { StaleListRepo } from "../../src/repo/StaleListRepo.ts"
import type { UserRepo } from "../../src/repo/UserRepo.ts"
import { freshRedisNode, proxied, redisClient, redisOn } from "../presence/Nodes.ts"
import { draft, memoryRepos, newPair, sendAll, sendOne } from "../repo/Repos.ts"
import { freshRedis, redisUrl } from "../support/Services.ts"
import { until } from "../support/Until.ts"
import { textsOf } from "./Texts.ts"

/** What the cache asks of the database: how often it asked, and where a test may hold it up. */
class Queries extends Context.Service<
  Queries,
  { count: number; before: Effect.Effect<void>; after: Effect.Effect<void> }
>()("minichat/test/Queries") {
  static readonly layer = Layer.sync(Queries, () =>
    Queries.of({ count: 0, before: Effect.void, after: Effect.void })
  )
}

/** The messages in memory, read where the test can see it. */
const watchedRepo = Layer.effect(
  MessageRepo,
  Effect.gen(function* () {
    const repo = yield* MessageRepo
    const queries = yield* Queries
    return MessageRepo.of({
      ...repo,
      received: (userId, limit) =>
        Effect.suspend(() => {
          queries.count++
          return queries.before.pipe(
            Effect.andThen(repo.received(userId, limit)),
            Effect.tap(Effect.suspend(() => queries.after))
          )
        })
    })
  })
).pipe(Layer.provideMerge(Layer.merge(memoryRepos, Queries.layer)))

/** Holds the next query up, before or after it reads; answers when it is there and how to let it go on. */
const holdQuery = Effect.fnUntraced(function* (where: "before" | "after") {
  const queries = yield* Queries
  const reached = yield* Deferred.make<void>()
  const goOn = yield* Deferred.make<void>()
  queries[where] = Effect.suspend(() => {
    queries[where] = Effect.void
    return Effect.andThen(Deferred.succeed(reached, undefined), Deferred.await(goOn))
  })
  return { reached: Deferred.await(reached), goOn: Deferred.succeed(goOn, undefined) }
})

/** Sends messages as the chat does: committed first, then told to the cache. */
const deliver = Effect.fnUntraced(function* (from: User, to: User, count = 1) {
  const recent = yield* RecentMessages
  const sent = yield* sendAll(Array.from({ length: count }, (_, i) => draft(from, to, `number ${i}`)))
  for (const { message } of sent) yield* recent.push(to.id, messageJson(message))
})

const list = (user: User) => RecentMessages.use((recent) => Effect.map(recent.list(user.id), textsOf))

const inDatabase = Effect.fnUntraced(function* (user: User) {
  return (yield* (yield* MessageRepo).received(user.id, 50)).map(messageJson)
})

const assertTrue = Effect.fnUntraced(function* (user: User) {
  assert.deepEqual(yield* list(user), yield* inDatabase(user))
})

const isTrue = Effect.fnUntraced(function* (user: User) {
  return isDeepStrictEqual(yield* list(user), yield* inDatabase(user))
})

/** Whether the list is answered without a query. */
const isCached = Effect.fnUntraced(function* (user: User) {
  const queries = yield* Queries
  const before = queries.count
  yield* list(user)
  return queries.count === before
})

/** Two users; three messages from alice are in bob's list, which is cached. */
const cachedPair = Effect.gen(function* () {
  const { alice, bob } = yield* newPair
  yield* deliver(alice, bob, 3)
  yield* list(bob)
  yield* until(isCached(bob))
  return { alice, bob }
})

type Services = RecentMessages | MessageRepo | UserRepo | Queries

const recentMessagesContract = <E>(name: string, services: Layer.Layer<Services, E>) =>
  layer(services, { excludeTestServices: true })(`RecentMessages: ${name}`, (it) => {
    it.effect("a user that received nothing has an empty list", () =>
      Effect.gen(function* () {
        const { alice, bob } = yield* newPair
        yield* deliver(alice, bob)

        assert.deepEqual(yield* list(alice), [])
        assert.deepEqual(yield* list(alice), [])
      })
    )

    it.effect("a list that is asked for the first time holds the fifty newest, newest first", () =>
      Effect.gen(function* () {
        const { alice, bob } = yield* newPair
        yield* sendAll(Array.from({ length: 60 }, (_, i) => draft(alice, bob, `"${i}" 👩‍🚀 \\ é`)))

        const texts = yield* list(bob)

        assert.lengthOf(texts, 50)
        assert.deepEqual(
          texts.map((text) => JSON.parse(text).content),
          Array.from({ length: 50 }, (_, i) => `"${59 - i}" 👩‍🚀 \\ é`)
        )
        yield* assertTrue(bob)
      })
    )

    it.effect(
      "a list that was asked for before is answered without a query, as is what was pushed since",
      () =>
        Effect.gen(function* () {
          const { alice, bob } = yield* newPair
          yield* deliver(alice, bob, 3)
          yield* list(bob)
          yield* deliver(alice, bob, 2)

          yield* until(isCached(bob))
          yield* assertTrue(bob)
        })
    )

    it.effect("a message that is pushed before anyone asked does not stand for those before it", () =>
      Effect.gen(function* () {
        const { alice, bob } = yield* newPair
        yield* sendAll([draft(alice, bob), draft(alice, bob)])
        yield* deliver(alice, bob)

        assert.lengthOf(yield* list(bob), 3)
        yield* assertTrue(bob)
      })
    )

    it.effect("messages that are pushed in another order are shown in that of their ids", () =>
      Effect.gen(function* () {
        const recent = yield* RecentMessages
        const { alice, bob } = yield* newPair
        yield* deliver(alice, bob)
        yield* list(bob)

        const sent = yield* sendAll([draft(alice, bob), draft(alice, bob), draft(alice, bob)])
        for (const i of [2, 0, 1]) yield* recent.push(bob.id, messageJson(sent[i]!.message))

        yield* assertTrue(bob)
      })
    )

    it.effect("a message that was read from the database before it was pushed is shown once", () =>
      Effect.gen(function* () {
        const recent = yield* RecentMessages
        const { alice, bob } = yield* newPair
        yield* deliver(alice, bob)
        const { message } = yield* sendOne(draft(alice, bob))
        yield* list(bob)

        yield* recent.push(bob.id, messageJson(message))

        yield* assertTrue(bob)
        yield* deliver(alice, bob)
        yield* assertTrue(bob)
      })
    )

    it.effect("a list that grows long stays right", () =>
      Effect.gen(function* () {
        const { alice, bob } = yield* newPair
        yield* deliver(alice, bob)
        yield* list(bob)

        yield* deliver(alice, bob, 120)

        yield* until(isCached(bob))
        yield* assertTrue(bob)
      })
    )

    it.effect("the list of one user has nothing to do with that of another", () =>
      Effect.gen(function* () {
        const { alice, bob } = yield* newPair
        yield* list(alice)
        yield* list(bob)
        yield* deliver(alice, bob, 2)
        yield* deliver(bob, alice)

        yield* assertTrue(alice)
        yield* assertTrue(bob)
      })
    )

    it.effect("a list that is forgotten is read anew, with what was never pushed", () =>
      Effect.gen(function* () {
        const recent = yield* RecentMessages
        const { alice, bob } = yield* newPair
        yield* deliver(alice, bob)
        yield* list(bob)
        yield* sendOne(draft(alice, bob))

        yield* recent.forget(bob.id)

        yield* assertTrue(bob)
        yield* deliver(alice, bob)
        yield* assertTrue(bob)
      })
    )

    it.effect("a list that is forgotten while it is read from the database is not kept as it was read", () =>
      Effect.gen(function* () {
        const recent = yield* RecentMessages
        const { alice, bob } = yield* newPair
        yield* deliver(alice, bob)
        const query = yield* holdQuery("after")

        const reading = yield* Effect.forkChild(list(bob))
        yield* query.reached
        yield* sendOne(draft(alice, bob))
        yield* recent.forget(bob.id)
        yield* query.goOn
        yield* Fiber.join(reading)

        yield* assertTrue(bob)
        yield* assertTrue(bob)
      })
    )

    for (const where of ["before", "after"] as const) {
      it.effect(`a message that arrives ${where} the database is read for a list is in it from then on`, () =>
        Effect.gen(function* () {
          const { alice, bob } = yield* newPair
          yield* deliver(alice, bob, 3)
          const query = yield* holdQuery(where)

          const reading = yield* Effect.forkChild(list(bob))
          yield* query.reached
          yield* deliver(alice, bob)
          yield* query.goOn
          yield* Fiber.join(reading)

          yield* assertTrue(bob)
          yield* assertTrue(bob)
        })
      )
    }

    it.effect("whoever asks while a list is being read from the database gets all of it too", () =>
      Effect.gen(function* () {
        const { alice, bob } = yield* newPair
        yield* deliver(alice, bob, 3)
        const query = yield* holdQuery("before")

        const first = yield* Effect.forkChild(list(bob))
        yield* query.reached
        const second = yield* Effect.forkChild(list(bob), { startImmediately: true })
        yield* query.goOn

        const expected = yield* inDatabase(bob)
        assert.deepEqual(yield* Fiber.join(second), expected)
        assert.deepEqual(yield* Fiber.join(first), expected)
      })
    )

    it.effect("whoever stops waiting for a list spoils it for nobody", () =>
      Effect.gen(function* () {
        const { alice, bob } = yield* newPair
        yield* deliver(alice, bob, 3)
        const query = yield* holdQuery("before")

        const reading = yield* Effect.forkChild(list(bob))
        yield* query.reached
        yield* Fiber.interrupt(reading)

        yield* assertTrue(bob)
        yield* deliver(alice, bob)
        yield* assertTrue(bob)
      })
    )
  })

const redisRecent = RecentMessages.layer.pipe(
  Layer.provideMerge(freshRedisNode),
  Layer.provideMerge(watchedRepo)
)

/** A node that reaches Redis through a proxy, its list of bob kept there. */
const nodeBehindProxy = Effect.gen(function* () {
  const { proxy, settings } = yield* proxied(yield* freshRedis)
  const services = yield* Layer.build(
    RecentMessages.layer.pipe(Layer.provideMerge(redisOn(settings)), Layer.provideMerge(watchedRepo))
  )
  return { proxy, services }
})

/** How many look-ups of marked lists are still to fail as none should. */
class Defects extends Context.Service<Defects, { left: number }>()("minichat/test/Defects") {}

const failingStaleLists = Layer.effectContext(
  Effect.gen(function* () {
    const repo = yield* StaleListRepo
    const defects = { left: 0 }
    const marked: typeof repo.marked = (after, limit) =>
      Effect.suspend(() => {
        if (defects.left === 0) return repo.marked(after, limit)
        defects.left--
        return Effect.die("a defect of the test")
      })
    return Context.make(Defects, defects).pipe(Context.add(StaleListRepo, { ...repo, marked }))
  })
).pipe(Layer.provide(StaleListRepo.layerMemory))

const outages = () => {
  it.live("an answer that was kept goes with a list that Redis evicted, or that a node pushed to", () =>
    Effect.gen(function* () {
      const { alice, bob } = yield* cachedPair
      const { prefix } = yield* Redis
      const client = yield* redisClient
      const key = `${prefix}user:${bob.id}:recent_messages`
      const isKept = Effect.promise(async () => (await client.exists(`${prefix}{${key}}:json`)) === 1)

      yield* deliver(alice, bob)
      assert.isFalse(yield* isKept)
      yield* assertTrue(bob)
      assert.isTrue(yield* isKept)
      yield* RecentMessages.use((recent) => recent.forget(bob.id))
      assert.isFalse(yield* isKept)
      yield* list(bob)
      yield* assertTrue(bob)
      assert.isTrue(yield* isKept)
      yield* Effect.promise(() => client.del(key))
      yield* deliver(alice, bob)
      yield* assertTrue(bob)
    }).pipe(Effect.provide(redisRecent))
  )

  it.live("a message that could not be pushed while Redis was away is never missing", () =>
    Effect.gen(function* () {
      const { proxy, services } = yield* nodeBehindProxy
      yield* Effect.gen(function* () {
        const redis = yield* Redis
        const { alice, bob } = yield* cachedPair

        yield* proxy.cut
        yield* deliver(alice, bob)
        yield* assertTrue(bob)
        yield* until(Effect.sync(() => !redis.isUp()))
        yield* deliver(alice, bob)
        yield* assertTrue(bob)
        yield* proxy.restore

        yield* until(Effect.andThen(assertTrue(bob), isCached(bob)))
        yield* assertTrue(bob)
      }).pipe(Effect.provideContext(services))
    })
  )

  for (const ending of ["goes on", "is gone"] as const) {
    it.live(`what a node committed that could not reach Redis, and ${ending}, is soon missing nowhere`, () =>
      Effect.gen(function* () {
        const { alice, bob } = yield* cachedPair
        yield* Effect.gen(function* () {
          const { prefix: redisPrefix } = yield* Redis
          const { proxy, settings } = yield* proxied({ redisPrefix })
          const cutOff = yield* Layer.build(
            Layer.fresh(RecentMessages.layer).pipe(Layer.provideMerge(redisOn(settings)))
          )
          yield* proxy.cut
          yield* Effect.provideContext(deliver(alice, bob), cutOff)
          if (ending === "goes on") yield* until(isTrue(bob))
        }).pipe(Effect.scoped)

        yield* until(isTrue(bob))
      }).pipe(Effect.provide(redisRecent))
    )
  }

  it.live("what was committed during an outage is missing for nobody after it, though its node is gone", () =>
    Effect.gen(function* () {
      const { proxy, services } = yield* nodeBehindProxy
      yield* Effect.gen(function* () {
        const redis = yield* Redis
        const { alice, bob } = yield* cachedPair

        yield* proxy.cut
        yield* until(Effect.sync(() => !redis.isUp()))
        yield* sendOne(draft(alice, bob))
        yield* StaleListRepo.use((lists) => lists.mark(bob.id))
        yield* proxy.restore
        yield* until(Effect.andThen(assertTrue(bob), Effect.sync(redis.isUp)))

        yield* until(Effect.andThen(assertTrue(bob), isCached(bob)))
      }).pipe(Effect.provideContext(services))
    })
  )

  it.live("a defect of the database does not end the mending of lists", () =>
    Effect.gen(function* () {
      const { alice, bob } = yield* cachedPair
      yield* sendOne(draft(alice, bob))
      const defects = yield* Defects
      defects.left = 2

      yield* StaleListRepo.use((lists) => lists.mark(bob.id))

      yield* until(isTrue(bob))
      assert.strictEqual(defects.left, 0)
    }).pipe(
      Effect.provide(
        RecentMessages.layer.pipe(
          Layer.provideMerge(freshRedisNode),
          Layer.provideMerge(failingStaleLists),
          Layer.provideMerge(watchedRepo),
          Layer.provide(Layer.succeed(References.MinimumLogLevel, "None"))
        )
      )
    )
  )

  for (const what of ["replies", "everything"] as const) {
    it.live(
      `a push that is not confirmed, as ${what} came late, leaves nothing missing and nothing twice`,
      () =>
        Effect.gen(function* () {
          const { proxy, services } = yield* nodeBehindProxy
          yield* Effect.gen(function* () {
            const { alice, bob } = yield* newPair
            yield* deliver(alice, bob, 3)
            yield* list(bob)

            yield* proxy.hold(what)
            yield* deliver(alice, bob)
            yield* assertTrue(bob)
            yield* proxy.release

            yield* until(Effect.andThen(assertTrue(bob), isCached(bob)))
            yield* deliver(alice, bob)
            yield* assertTrue(bob)
          }).pipe(Effect.provideContext(services))
        })
    )
  }
}

const memoryRecent = RecentMessages.layerMemory.pipe(Layer.provideMerge(watchedRepo))

recentMessagesContract("memory", memoryRecent)

it.effect("in memory, a list whose first reader stopped waiting is kept by the next", () =>
  Effect.gen(function* () {
    const { alice, bob } = yield* newPair
    yield* deliver(alice, bob)
    const query = yield* holdQuery("before")
    const reading = yield* Effect.forkChild(list(bob))
    yield* query.reached
    yield* Fiber.interrupt(reading)

    yield* list(bob)

    assert.isTrue(yield* isCached(bob))
  }).pipe(Effect.provide(memoryRecent))
)

describe.runIf(redisUrl !== undefined)("with TEST_REDIS_URL", () => {
  recentMessagesContract("Redis", redisRecent)
  describe("RecentMessages: Redis that goes away", outages)
})
