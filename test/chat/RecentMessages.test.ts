import { assert, describe, it, layer } from "@effect/vitest"
import { Context, Deferred, Effect, Fiber, Layer, Option, Redacted } from "effect"
import { RecentMessages } from "../../src/chat/RecentMessages.ts"
import { MAX_USER_ID, type User, UserId } from "../../src/domain/User.ts"
import { VERSION } from "../../src/domain/Version.ts"
import { Epoch, MEMORY_EPOCH } from "../../src/Epoch.ts"
import { OlderNodes } from "../../src/redis/OlderNodes.ts"
import { Redis } from "../../src/redis/Redis.ts"
import { InboxRepo } from "../../src/repo/InboxRepo.ts"
import { MessageRepo } from "../../src/repo/MessageRepo.ts"
import type { UserRepo } from "../../src/repo/UserRepo.ts"
import { freshRedisNode, proxied, redisClient, redisOn } from "../presence/Nodes.ts"
import { draft, memoryRepos, newPair, sendAll } from "../repo/Repos.ts"
import { messageJson } from "../support/Events.ts"
import { freshRedis, redisUrl } from "../support/Services.ts"
import { until } from "../support/Until.ts"
import { textsOf } from "./Texts.ts"

/** How often the database is asked for messages, and where a test may hold that up. */
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

const deliver = (from: User, to: User, count = 1) =>
  sendAll(Array.from({ length: count }, (_, i) => draft(from, to, `number ${i}`)))

const list = (user: { readonly id: UserId }) =>
  RecentMessages.use((recent) => Effect.map(recent.list(user.id), ({ page }) => textsOf(page)))

const inDatabase = Effect.fnUntraced(function* (user: User) {
  return (yield* (yield* MessageRepo).received(user.id, 50)).messages.map(messageJson)
})

const assertTrue = Effect.fnUntraced(function* (user: User) {
  assert.deepEqual(yield* list(user), yield* inDatabase(user))
})

/** Whether the list is answered without reading messages from the database. */
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

type Services = RecentMessages | MessageRepo | InboxRepo | UserRepo | Queries

const recentMessagesContract = <E>(name: string, services: Layer.Layer<Services, E>) =>
  layer(services, { excludeTestServices: true })(`RecentMessages: ${name}`, (it) => {
    it.effect("a user that received nothing has an empty list, and so has one that does not exist", () =>
      Effect.gen(function* () {
        const { alice, bob } = yield* newPair
        yield* deliver(alice, bob)

        for (const user of [
          alice,
          alice,
          { id: UserId.make(MAX_USER_ID) },
          { id: UserId.make(MAX_USER_ID + 1) }
        ])
          assert.deepEqual(yield* list(user), [])
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
      "a list that was asked for before is answered from the cache until the inbox has a new event",
      () =>
        Effect.gen(function* () {
          const { alice, bob } = yield* cachedPair

          yield* deliver(alice, bob, 2)

          assert.isFalse(yield* isCached(bob))
          yield* assertTrue(bob)
          yield* until(isCached(bob))
          yield* assertTrue(bob)
        })
    )

    it.effect("an answer has the head that it was made at", () =>
      Effect.gen(function* () {
        const { alice, bob } = yield* cachedPair
        const { list } = yield* RecentMessages

        assert.strictEqual((yield* list(bob.id)).head, 3)
        yield* deliver(bob, alice)
        assert.strictEqual((yield* list(bob.id)).head, 4)
        assert.isUndefined((yield* list(UserId.make(MAX_USER_ID))).head)
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

    it.effect("an answer that was made long ago and kept last does not hide a newer message", () =>
      Effect.gen(function* () {
        const { alice, bob } = yield* newPair
        yield* deliver(alice, bob)
        const query = yield* holdQuery("after")
        const old = yield* Effect.forkChild(list(bob))
        yield* query.reached
        yield* deliver(alice, bob)
        yield* list(bob)

        yield* query.goOn
        yield* Fiber.join(old)

        yield* assertTrue(bob)
      })
    )

    it.effect("readers and senders at once end with the list that the database has", () =>
      Effect.gen(function* () {
        const { alice, bob } = yield* newPair
        const rounds = Array.from({ length: 20 }, (_, i) => i)
        yield* Effect.forEach(
          rounds,
          () => Effect.all([deliver(alice, bob), list(bob)], { concurrency: 2 }),
          {
            concurrency: 5
          }
        )

        yield* assertTrue(bob)
      })
    )
  })

/** A node that reaches Redis through a proxy. */
const nodeBehindProxy = Effect.gen(function* () {
  const { proxy, settings } = yield* proxied(yield* freshRedis)
  const services = yield* Layer.build(
    RecentMessages.layer.pipe(Layer.provideMerge(redisOn(settings)), Layer.provideMerge(watchedRepo))
  )
  return { proxy, services }
})

const redisRecent = RecentMessages.layer.pipe(
  Layer.provideMerge(freshRedisNode),
  Layer.provideMerge(watchedRepo)
)

const faults = () => {
  it.live("an answer that Redis evicted is made and kept again", () =>
    Effect.gen(function* () {
      const { bob } = yield* cachedPair
      const { prefix } = yield* Redis
      const client = yield* redisClient

      yield* Effect.promise(() =>
        client.del(`${prefix}${MEMORY_EPOCH}:user:${bob.id}:recent-page:${VERSION}`)
      )

      assert.isFalse(yield* isCached(bob))
      yield* until(isCached(bob))
      yield* assertTrue(bob)
    }).pipe(Effect.provide(redisRecent))
  )

  it.live("what Redis holds under the key of an answer, and is none, is not answered", () =>
    Effect.gen(function* () {
      const { bob } = yield* cachedPair
      const { prefix } = yield* Redis
      const client = yield* redisClient
      const key = `${prefix}${MEMORY_EPOCH}:user:${bob.id}:recent-page:${VERSION}`
      for (const value of ["", "\n", "x\n[]", "[]", "4\n[]", "-1\n[]", "NaN\n[]"]) {
        yield* Effect.promise(() => client.set(key, value))
        yield* assertTrue(bob)
      }
      yield* Effect.promise(() => client.multi().del(key).rpush(key, "a list").exec())
      yield* assertTrue(bob)
    }).pipe(Effect.provide(redisRecent))
  )

  it.live("two nodes answer the same list, whichever of them made it", () =>
    Effect.gen(function* () {
      const { alice, bob } = yield* cachedPair
      const { prefix: redisPrefix } = yield* Redis
      const other = yield* Layer.build(
        Layer.fresh(RecentMessages.layer).pipe(
          Layer.provideMerge(redisOn({ redisPrefix, redisUrl: Option.some(Redacted.make(redisUrl!)) }))
        )
      )

      assert.isTrue(yield* Effect.provide(isCached(bob), other))
      yield* deliver(alice, bob)
      yield* Effect.provide(assertTrue(bob), other)
      yield* assertTrue(bob)
    }).pipe(Effect.provide(redisRecent))
  )

  it.live("a list that is forgotten is forgotten for running nodes of release 1.0, too", () =>
    Effect.gen(function* () {
      const { bob } = yield* cachedPair
      const { prefix: redisPrefix } = yield* Redis
      const forgotten: Array<UserId> = []
      const olderNodes = Layer.succeed(OlderNodes, {
        run: () => true,
        forgetRecentList: (userId) => Effect.sync(() => void forgotten.push(userId))
      })
      const besideOlder = yield* Layer.build(
        Layer.fresh(RecentMessages.layer).pipe(
          Layer.provide(olderNodes),
          Layer.provideMerge(redisOn({ redisPrefix, redisUrl: Option.some(Redacted.make(redisUrl!)) }))
        )
      )
      yield* Effect.provide(
        RecentMessages.use((recent) => recent.forget([bob.id])),
        besideOlder
      )
      assert.deepEqual(forgotten, [bob.id])
      assert.isFalse(yield* isCached(bob))
    }).pipe(Effect.provide(redisRecent))
  )

  it.live("answers are right while Redis is unavailable, and cached again once it is back", () =>
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

  it.live("what a node committed that alone could not reach Redis is in the next answer of every other", () =>
    Effect.gen(function* () {
      const { alice, bob } = yield* cachedPair
      const { prefix: redisPrefix } = yield* Redis
      const { proxy, settings } = yield* proxied({ redisPrefix })
      const cutOff = yield* Layer.build(
        Layer.fresh(RecentMessages.layer).pipe(Layer.provideMerge(redisOn(settings)))
      )
      yield* proxy.cut

      yield* Effect.provide(deliver(alice, bob), cutOff)

      yield* assertTrue(bob)
      yield* Effect.provide(assertTrue(bob), cutOff)
    }).pipe(Effect.provide(redisRecent))
  )

  for (const what of ["replies", "everything"] as const) {
    it.live(`answers are right while ${what} of Redis come late`, () =>
      Effect.gen(function* () {
        const { proxy, services } = yield* nodeBehindProxy
        yield* Effect.gen(function* () {
          const { alice, bob } = yield* cachedPair

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

it.effect("RecentMessages in memory keeps at most 64 MiB of answers, those that were made last", () =>
  Effect.gen(function* () {
    const read: Array<UserId> = []
    const content = "m".repeat(1024 * 1024)
    const message = {
      id: 1,
      sender_id: 1,
      sender_username: "alice",
      receiver_id: 2,
      content,
      timestamp: "2026-01-01T00:00:00.000Z",
      conversation_id: 1
    }
    const repos = Layer.mergeAll(
      Layer.mock(InboxRepo, {
        bounds: (userId) => Effect.succeed({ userId, head: 1, pruned: 0, epoch: MEMORY_EPOCH })
      }),
      Layer.mock(MessageRepo, {
        received: (userId) =>
          Effect.sync(() => {
            read.push(userId)
            return { head: 1, messages: [message as never] }
          })
      }),
      Epoch.layerMemory
    )
    const services = yield* Layer.build(Layer.fresh(RecentMessages.layerMemory).pipe(Layer.provide(repos)))
    const recent = Context.get(services, RecentMessages)
    const users = Array.from({ length: 65 }, (_, i) => UserId.make(i + 1))
    for (const userId of users) yield* recent.list(userId)
    assert.deepEqual(read.splice(0), users)

    for (const userId of users.slice(2)) yield* recent.list(userId)
    assert.deepEqual(read, [])
    yield* recent.list(users[0]!)
    assert.deepEqual(read, [users[0]])
  })
)

recentMessagesContract("memory", RecentMessages.layerMemory.pipe(Layer.provideMerge(watchedRepo)))

describe.runIf(redisUrl !== undefined)("with TEST_REDIS_URL", () => {
  recentMessagesContract("Redis", redisRecent)
  describe("RecentMessages: Redis that fails", faults)
})
