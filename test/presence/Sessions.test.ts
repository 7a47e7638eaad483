import { assert, describe, it, layer } from "@effect/vitest"
import { Context, DateTime, Duration, Effect, Exit, Layer, Option, Queue, Schedule, Scope } from "effect"
import type { Settings } from "../../src/AppConfig.ts"
import { UserId } from "../../src/domain/User.ts"
import { Sessions } from "../../src/presence/Sessions.ts"
import { Redis } from "../../src/redis/Redis.ts"
import { freshRedis, redisUrl } from "../support/Services.ts"
import { until } from "../support/Until.ts"
import { freshRedisNode, proxied, redisClient, redisOn } from "./Nodes.ts"

let lastUserId = 0

/** A user that no other test knows. */
const newUser = () => UserId.make(++lastUserId)

/** Waits until it says so: on a busy machine Redis may answer too late to count. */
const hasConnections = (sessions: Sessions["Service"], userId: UserId, expected: number) =>
  until(Effect.map(sessions.presence(userId), ({ connections }) => connections === expected))

/** When a user that is offline was last seen, once Redis says so. */
const lastSeenOffline = (sessions: Sessions["Service"], userId: UserId) =>
  sessions.presence(userId).pipe(
    Effect.repeat({
      until: ({ connections, lastSeen }) => connections === 0 && Option.isSome(lastSeen),
      schedule: Schedule.spaced("10 millis")
    }),
    Effect.map(({ lastSeen }) => lastSeen)
  )

/** Asserts a time that lies between two others, the ends included. */
const assertBetween = (time: Option.Option<DateTime.Utc>, earliest: DateTime.Utc, latest: DateTime.Utc) => {
  const at = DateTime.toEpochMillis(Option.getOrThrow(time))
  assert.isAtLeast(at, DateTime.toEpochMillis(earliest))
  assert.isAtMost(at, DateTime.toEpochMillis(latest))
}

const sessionsContract = <E>(name: string, services: Layer.Layer<Sessions, E>) =>
  layer(services, { excludeTestServices: true })(`Sessions: ${name}`, (it) => {
    it.effect("a user that was never online has no connections, and was never seen", () =>
      Effect.gen(function* () {
        assert.deepEqual(yield* (yield* Sessions).presence(newUser()), {
          connections: 0,
          lastSeen: Option.none()
        })
      })
    )

    it.effect("a user is online with as many connections as were stated last", () =>
      Effect.gen(function* () {
        const sessions = yield* Sessions
        const user = newUser()

        for (const connections of [1, 3, 2]) {
          yield* sessions.set(user, connections)
          yield* hasConnections(sessions, user, connections)
        }
        yield* hasConnections(sessions, newUser(), 0)
      })
    )

    it.effect("a user that is online is seen now", () =>
      Effect.gen(function* () {
        const sessions = yield* Sessions
        const user = newUser()
        yield* sessions.set(user, 1)

        const before = yield* DateTime.now
        const { lastSeen } = yield* sessions.presence(user)

        assertBetween(lastSeen, before, yield* DateTime.now)
      })
    )

    it.effect("a user whose last socket closed was last seen then", () =>
      Effect.gen(function* () {
        const sessions = yield* Sessions
        const user = newUser()
        yield* sessions.set(user, 2)
        yield* sessions.set(user, 1)

        const before = yield* DateTime.now
        yield* sessions.set(user, 0)
        const after = yield* DateTime.now

        assertBetween(yield* lastSeenOffline(sessions, user), before, after)
      })
    )

    it.effect("a user that is back is online again", () =>
      Effect.gen(function* () {
        const sessions = yield* Sessions
        const user = newUser()
        for (const connections of [1, 0, 1]) yield* sessions.set(user, connections)

        yield* hasConnections(sessions, user, 1)
      })
    )

    it.effect("a survey answers for each user in its place what a look-up of that user alone answers", () =>
      Effect.gen(function* () {
        const sessions = yield* Sessions
        const [online, offline, unknown] = [newUser(), newUser(), newUser()]
        yield* sessions.set(online, 2)
        yield* sessions.set(offline, 1)
        yield* sessions.set(offline, 0)
        yield* hasConnections(sessions, online, 2)
        const lastSeen = yield* lastSeenOffline(sessions, offline)

        const surveyed = sessions.survey([offline, online, unknown])
        yield* until(Effect.map(surveyed, ({ isComplete }) => isComplete))
        const { presences } = yield* surveyed
        assert.deepEqual(
          presences.map(({ connections }) => connections),
          [0, 2, 0]
        )
        assert.deepEqual(presences[0]!.lastSeen, lastSeen)
        assert.deepEqual(presences[2]!.lastSeen, Option.none())
        assert.isEmpty((yield* sessions.survey([])).presences)
      })
    )

    it.effect("a transition is announced when the first connection opens, and when the last one closes", () =>
      Effect.gen(function* () {
        const sessions = yield* Sessions
        const user = newUser()
        const scope = yield* Scope.make()
        const { next, arrived } = yield* Scope.provide(listenTo(sessions, user), scope)
        for (const connections of [1, 2, 1, 0, 0, 1]) yield* sessions.set(user, connections)
        assert.deepEqual(yield* Effect.replicateEffect(next, 3), [true, false, true])
        yield* Scope.close(scope, Exit.void)
        yield* sessions.set(user, 0)
        assert.isEmpty(yield* arrived)
      })
    )
  })

/** Takes the transitions of one user until the scope closes. */
const listenTo = Effect.fnUntraced(function* (sessions: Sessions["Service"], userId: UserId) {
  const heard = yield* Queue.unbounded<boolean>()
  yield* sessions.transitions((id, isOnline) => id === userId && Queue.offerUnsafe(heard, isOnline))
  return { next: Queue.take(heard), arrived: Queue.clear(heard) }
})

/** A node of its own under the settings of a test. */
const node = (settings: Partial<Settings>) =>
  Effect.map(
    Layer.build(Layer.fresh(Sessions.layer).pipe(Layer.provideMerge(redisOn(settings)))),
    (services) => ({
      sessions: Context.get(services, Sessions),
      isUp: Context.get(services, Redis).isUp
    })
  )

/** Two nodes, the second one behind a proxy, and a client to look at what they keep. */
const nodes = Effect.gen(function* () {
  const shared = yield* freshRedis
  const client = yield* redisClient
  const keys = (pattern: string) => Effect.promise(() => client.keys(`${shared.redisPrefix}${pattern}`))
  const { sessions: first } = yield* node(shared)
  const [firstKey] = yield* keys("*node:*")
  const { proxy, settings } = yield* proxied(shared)
  const { sessions: second, isUp } = yield* node(settings)
  const secondKey = (yield* keys("*node:*")).find((key) => key !== firstKey)!
  return {
    first,
    second,
    proxy,
    secondIsUp: Effect.sync(isUp),
    /** How many nodes listen for transitions. */
    subscribers: Effect.promise(async () => {
      const channel = `${shared.redisPrefix}presence`
      return Number((await client.pubsub("NUMSUB", channel))[1])
    }),
    /** Forgets all that both nodes keep. */
    forgetAll: Effect.gen(function* () {
      const all = yield* keys("*")
      yield* Effect.promise(() => client.del(...all))
    }),
    /** Makes the last beat of the second node lie further back. */
    age: Effect.fnUntraced(function* (time: Duration.Input) {
      const timeLeft = yield* Effect.promise(() => client.pttl(secondKey))
      yield* Effect.promise(() => client.pexpire(secondKey, timeLeft - Duration.toMillis(time)))
    })
  }
})

const manyNodes = () => {
  it.live("a transition is announced to the other nodes, which subscribe while somebody listens", () =>
    Effect.gen(function* () {
      const { first, second, subscribers } = yield* nodes
      const user = newUser()
      yield* Effect.gen(function* () {
        const { next } = yield* listenTo(first, user)
        yield* listenTo(first, newUser())
        yield* until(Effect.map(subscribers, (count) => count === 1))
        yield* second.set(user, 1)
        yield* second.set(user, 0)
        assert.deepEqual(yield* Effect.replicateEffect(next, 2), [true, false])
      }).pipe(Effect.scoped)
      yield* until(Effect.map(subscribers, (count) => count === 0))
    })
  )

  it.live("who listens while Redis is unavailable hears this node, and the others when Redis is back", () =>
    Effect.gen(function* () {
      const { first, second, proxy, secondIsUp } = yield* nodes
      const user = newUser()
      yield* proxy.cut
      yield* until(Effect.map(secondIsUp, (isUp) => !isUp))
      const { next } = yield* listenTo(second, user)
      yield* second.set(user, 1)
      assert.isTrue(yield* next)
      yield* proxy.restore
      yield* until(secondIsUp)
      // The subscription follows on the recovery: a transition before it is lost.
      const heard = yield* Effect.forkChild(next)
      const flip = Effect.andThen(first.set(user, 0), first.set(user, 1))
      yield* until(Effect.map(flip, () => heard.pollUnsafe() !== undefined))
    })
  )

  it.live(
    "while Redis is unavailable a survey counts the own connections, and says that it is not complete",
    () =>
      Effect.gen(function* () {
        const { first, second, proxy, secondIsUp } = yield* nodes
        const [here, there] = [newUser(), newUser()]
        yield* second.set(here, 1)
        yield* first.set(there, 1)
        yield* proxy.cut
        yield* until(Effect.map(secondIsUp, (isUp) => !isUp))
        const { presences, isComplete } = yield* second.survey([here, there])
        assert.isFalse(isComplete)
        assert.deepEqual(
          presences.map(({ connections }) => connections),
          [1, 0]
        )
      })
  )

  it.live("the connections on all nodes add up, on each of them", () =>
    Effect.gen(function* () {
      const { first, second } = yield* nodes
      const user = newUser()

      yield* first.set(user, 2)
      yield* second.set(user, 3)
      yield* hasConnections(first, user, 5)
      yield* hasConnections(second, user, 5)

      yield* first.set(user, 0)
      yield* hasConnections(first, user, 3)
      yield* hasConnections(second, user, 3)
    })
  )

  it.live("a user whose sockets closed on all nodes was last seen when the last one did", () =>
    Effect.gen(function* () {
      const { first, second } = yield* nodes
      const user = newUser()
      yield* first.set(user, 1)
      yield* second.set(user, 1)
      yield* first.set(user, 0)

      const before = yield* DateTime.now
      yield* second.set(user, 0)
      const after = yield* DateTime.now

      assertBetween(yield* lastSeenOffline(first, user), before, after)
    })
  )

  it.live("the sessions of a node that died count until its beats have been missing for half a minute", () =>
    Effect.gen(function* () {
      const { first, second, proxy, age } = yield* nodes
      const user = newUser()
      yield* second.set(user, 2)
      yield* first.set(user, 1)

      yield* proxy.cut
      yield* age("20 seconds")
      yield* hasConnections(first, user, 3)
      yield* age("11 seconds")
      yield* hasConnections(first, user, 1)
    })
  )

  it.live("a user of a node that died was last seen at its last beat", () =>
    Effect.gen(function* () {
      const before = yield* DateTime.now
      const { first, second, proxy, age } = yield* nodes
      const user = newUser()
      yield* second.set(user, 2)

      yield* proxy.cut
      yield* age("1 hour")

      const lastSeen = yield* lastSeenOffline(first, user)
      const hourBefore = DateTime.subtract({ hours: 1 })
      assertBetween(lastSeen, hourBefore(before), hourBefore(yield* DateTime.now))
    })
  )

  it.live("a node that stopped counts no longer", () =>
    Effect.gen(function* () {
      const shared = yield* freshRedis
      const { sessions } = yield* node(shared)
      const user = newUser()
      const scope = yield* Scope.make()
      const { sessions: stopping } = yield* Scope.provide(node(shared), scope)
      yield* stopping.set(user, 2)
      yield* hasConnections(sessions, user, 2)

      yield* Scope.close(scope, Exit.void)

      yield* hasConnections(sessions, user, 0)
    })
  )

  it.live("sessions that Redis lost are written again", () =>
    Effect.gen(function* () {
      const { first, second, forgetAll } = yield* nodes
      const [here, there] = [newUser(), newUser()]
      yield* first.set(here, 1)
      yield* second.set(there, 2)

      yield* forgetAll

      yield* hasConnections(second, here, 1)
      yield* hasConnections(first, there, 2)
    })
  )

  it.live(
    "a node that cannot reach Redis knows its own sockets, and announces them to the others when it can",
    () =>
      Effect.gen(function* () {
        const { first, second, proxy, secondIsUp } = yield* nodes
        const [user, gone] = [newUser(), newUser()]
        yield* first.set(user, 1)
        yield* second.set(gone, 1)
        yield* proxy.cut
        yield* until(Effect.map(secondIsUp, (isUp) => !isUp))

        yield* second.set(user, 2)
        yield* second.set(gone, 0)
        yield* hasConnections(second, user, 2)
        yield* hasConnections(first, user, 1)

        yield* proxy.restore
        yield* hasConnections(first, user, 3)
        yield* hasConnections(first, gone, 0)
      })
  )
}

sessionsContract("memory", Sessions.layerMemory)
describe.runIf(redisUrl !== undefined)("with TEST_REDIS_URL", () => {
  sessionsContract("Redis", Sessions.layer.pipe(Layer.provide(freshRedisNode)))
  describe("Sessions: several nodes, and Redis that becomes unavailable", manyNodes)
})
