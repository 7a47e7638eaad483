import { assert, describe, it } from "@effect/vitest"
import { Context, DateTime, Deferred, Effect, Exit, Layer, Option, Scope } from "effect"
import { TestClock } from "effect/testing"
import type { Settings } from "../../src/AppConfig.ts"
import { type Watcher, Watches } from "../../src/chat/Watches.ts"
import { UserId } from "../../src/domain/User.ts"
import { Sessions } from "../../src/presence/Sessions.ts"
import { proxied, redisClient, redisOn } from "../presence/Nodes.ts"
import { freshRedis, redisUrl } from "../support/Services.ts"
import { until } from "../support/Until.ts"

const alice = UserId.make(1)
const bob = UserId.make(2)
const nobody = UserId.make(99)

/** A socket that notes the frames that it gets, and reads as long as the test lets it. */
class Socket implements Watcher {
  reads = true
  private readonly received: Array<{ readonly user_id: number; readonly online: boolean }> = []

  readonly pass = (frame: Uint8Array) => {
    if (this.reads) this.received.push(JSON.parse(Buffer.from(frame).toString()))
    return this.reads
  }

  /** The frames that it got since the last call. */
  readonly taken = Effect.sync(() => this.received.splice(0).map(({ user_id, online }) => [user_id, online]))

  readonly takenWhole = Effect.sync(() => this.received.splice(0) as ReadonlyArray<unknown>)
}

/** Watches over sessions that the test may make lose transitions. */
const makeWatches = Effect.gen(function* () {
  const test = { announces: true, isComplete: true, listeners: 0, surveys: 0, afterSurvey: Effect.void }
  const sessions = Layer.effect(
    Sessions,
    Effect.map(Sessions, (sessions) =>
      Sessions.of({
        ...sessions,
        transitions: (onTransition) =>
          Effect.andThen(
            sessions.transitions((userId, isOnline) => test.announces && onTransition(userId, isOnline)),
            Effect.acquireRelease(
              Effect.sync(() => void test.listeners++),
              () => Effect.sync(() => void test.listeners--)
            )
          ),
        survey: (userIds) =>
          Effect.suspend(() => {
            test.surveys++
            return test.isComplete
              ? Effect.tap(sessions.survey(userIds), () => test.afterSurvey)
              : Effect.succeed({
                  isComplete: false,
                  presences: userIds.map(() => ({ connections: 0, lastSeen: Option.none() }))
                })
          })
      })
    )
  ).pipe(Layer.provide(Sessions.layerMemory))
  const services = yield* Layer.build(Watches.layer.pipe(Layer.provideMerge(sessions)))
  return {
    test,
    watches: yield* Effect.provide(Watches, services),
    sessions: yield* Effect.provide(Sessions, services)
  }
})

/** A socket that watches alice, who is online. */
const watchedAlice = Effect.gen(function* () {
  const { watches, sessions, test } = yield* makeWatches
  const socket = new Socket()
  yield* sessions.set(alice, 1)
  const watch = yield* watches.open(socket)
  yield* watch([alice])
  assert.deepStrictEqual(yield* socket.taken, [[alice, true]])
  return { sessions, test, socket, watch }
})

it.effect("a watch gets the presence of each user at once", () =>
  Effect.gen(function* () {
    const { watches, sessions } = yield* makeWatches
    yield* TestClock.adjust("1 second")
    yield* sessions.set(bob, 1)
    yield* sessions.set(bob, 0)
    yield* sessions.set(alice, 1)
    yield* TestClock.adjust("1 minute")
    const socket = new Socket()
    const watch = yield* watches.open(socket)
    yield* watch([alice, bob, nobody, bob])
    assert.deepStrictEqual(yield* socket.takenWhole, [
      { type: "presence", user_id: alice, online: true, last_seen: "1970-01-01T00:01:01.000Z" },
      { type: "presence", user_id: bob, online: false, last_seen: "1970-01-01T00:00:01.000Z" },
      { type: "presence", user_id: nobody, online: false, last_seen: null }
    ])
    yield* watch([bob])
    assert.deepStrictEqual(yield* socket.taken, [[bob, false]], "sent again at each watch")
  })
)

it.effect("watchers get at once who came online, and after three seconds who went offline", () =>
  Effect.gen(function* () {
    const { watches, sessions } = yield* makeWatches
    const [first, second] = [new Socket(), new Socket()]
    yield* Effect.flatMap(watches.open(first), (watch) => watch([alice]))
    yield* Effect.flatMap(watches.open(second), (watch) => watch([alice]))
    yield* Effect.all([first.taken, second.taken])

    yield* sessions.set(alice, 1)
    yield* sessions.set(alice, 2)
    for (const { taken } of [first, second]) assert.deepStrictEqual(yield* taken, [[alice, true]])

    yield* TestClock.adjust("1 minute")
    yield* sessions.set(alice, 0)
    yield* TestClock.adjust("2500 millis")
    assert.isEmpty(yield* first.taken)
    yield* TestClock.adjust("1 second")
    assert.deepStrictEqual(yield* first.takenWhole, [
      {
        type: "presence",
        user_id: alice,
        online: false,
        last_seen: DateTime.formatIso(DateTime.makeUnsafe(60_000))
      }
    ])
    assert.deepStrictEqual(yield* second.taken, [[alice, false]])
    yield* TestClock.adjust("1 minute")
    assert.isEmpty(yield* first.taken)
  })
)

it.effect("a look-up from before a user went offline does not delay that watchers are notified", () =>
  Effect.gen(function* () {
    const { sessions, test, socket } = yield* watchedAlice
    const [reached, goOn] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
    test.afterSurvey = Effect.andThen(Deferred.succeed(reached, undefined), Deferred.await(goOn))
    yield* TestClock.adjust("1 second")
    yield* Deferred.await(reached)
    yield* sessions.set(alice, 0)
    test.afterSurvey = Effect.void
    yield* Deferred.succeed(goOn, undefined)
    yield* TestClock.adjust("3 seconds")
    assert.deepStrictEqual(yield* socket.taken, [[alice, false]])
  })
)

it.effect("a page that reloads does not blink, also when the watch begins between its sockets", () =>
  Effect.gen(function* () {
    const { watches, sessions } = yield* makeWatches
    const socket = new Socket()
    yield* sessions.set(alice, 1)
    yield* TestClock.adjust("1 minute")
    yield* sessions.set(alice, 0)
    const watch = yield* watches.open(socket)
    yield* watch([alice])
    assert.deepStrictEqual(yield* socket.taken, [[alice, true]])
    for (let i = 0; i < 3; i++) {
      yield* TestClock.adjust("2 seconds")
      yield* sessions.set(alice, 1)
      yield* sessions.set(alice, 0)
    }
    yield* TestClock.adjust("2 seconds")
    assert.isEmpty(yield* socket.taken)
    yield* TestClock.adjust("2 seconds")
    assert.deepStrictEqual(yield* socket.taken, [[alice, false]])
  })
)

it.effect("a transition that was not announced is found by a look-up", () =>
  Effect.gen(function* () {
    const { watches, sessions, test } = yield* makeWatches
    const socket = new Socket()
    const watch = yield* watches.open(socket)
    yield* watch([alice, bob])
    yield* socket.taken
    test.announces = false
    yield* sessions.set(alice, 1)
    yield* TestClock.adjust("6 seconds")
    assert.deepStrictEqual(yield* socket.taken, [[alice, true]])
    yield* sessions.set(alice, 0)
    yield* TestClock.adjust("10 seconds")
    assert.deepStrictEqual(yield* socket.taken, [[alice, false]])
  })
)

it.effect("a round of looking covers many users in few queries", () =>
  Effect.gen(function* () {
    const { watches, sessions, test } = yield* makeWatches
    const socket = new Socket()
    const watch = yield* watches.open(socket)
    const users = Array.from({ length: 200 }, (_, i) => UserId.make(1000 + i))
    yield* watch(users)
    yield* socket.taken
    test.announces = false
    test.surveys = 0
    for (const user of users) yield* sessions.set(user, 1)
    yield* TestClock.adjust("6 seconds")
    assert.sameDeepMembers(
      yield* socket.taken,
      users.map((user) => [user, true])
    )
    assert.isAtMost(test.surveys, 12)
  })
)

it.effect("while Redis is unavailable nobody is sent as offline", () =>
  Effect.gen(function* () {
    const { sessions, test, socket, watch } = yield* watchedAlice
    test.isComplete = false
    yield* TestClock.adjust("1 minute")
    yield* watch([alice, bob])
    assert.deepStrictEqual(yield* socket.taken, [
      [alice, true],
      [bob, false]
    ])
    yield* sessions.set(alice, 0)
    yield* TestClock.adjust("1 minute")
    assert.isEmpty(yield* socket.taken)
    test.isComplete = true
    yield* TestClock.adjust("1 second")
    assert.deepStrictEqual(yield* socket.taken, [[alice, false]])
  })
)

it.effect("a socket that did not read gets the latest state when it reads again", () =>
  Effect.gen(function* () {
    const { watches, sessions } = yield* makeWatches
    const socket = new Socket()
    const watch = yield* watches.open(socket)
    yield* watch([alice, bob])
    yield* socket.taken
    socket.reads = false
    yield* sessions.set(alice, 1)
    yield* sessions.set(bob, 1)
    yield* sessions.set(bob, 0)
    yield* TestClock.adjust("10 seconds")
    socket.reads = true
    yield* TestClock.adjust("1 second")
    assert.sameDeepMembers(yield* socket.taken, [
      [alice, true],
      [bob, false]
    ])
    yield* TestClock.adjust("10 seconds")
    assert.isEmpty(yield* socket.taken)
  })
)

it.effect("a watch replaces the one before, and nothing is left when its socket closes", () =>
  Effect.gen(function* () {
    const { watches, sessions, test } = yield* makeWatches
    const [first, second] = [new Socket(), new Socket()]
    const [one, two] = [yield* Scope.make(), yield* Scope.make()]
    const watch = yield* Scope.provide(watches.open(first), one)
    yield* watch([alice, bob])
    yield* Effect.flatMap(Scope.provide(watches.open(second), two), (watch) => watch([bob]))
    assert.deepStrictEqual([yield* watches.size, test.listeners], [2, 1])
    yield* watch([bob])
    yield* Effect.all([first.taken, second.taken])
    assert.strictEqual(yield* watches.size, 1)
    yield* sessions.set(alice, 1)
    yield* TestClock.adjust("10 seconds")
    assert.isEmpty(yield* first.taken)

    yield* Scope.close(one, Exit.void)
    yield* sessions.set(bob, 1)
    assert.isEmpty(yield* first.taken)
    assert.deepStrictEqual(yield* second.taken, [[bob, true]])
    first.reads = second.reads = false
    yield* sessions.set(bob, 0)
    yield* TestClock.adjust("10 seconds")
    yield* Scope.close(two, Exit.void)
    assert.deepStrictEqual([yield* watches.size, test.listeners], [0, 0])
    second.reads = true
    yield* TestClock.adjust("10 seconds")
    assert.isEmpty(yield* second.taken)
    test.surveys = 0
    yield* TestClock.adjust("1 minute")
    assert.strictEqual(test.surveys, 0)
  })
)

/** A node that watches, and one that a test can cut off from Redis for good, as one that is killed. */
const twoNodes = Effect.gen(function* () {
  const shared = yield* freshRedis
  const client = yield* redisClient
  const node = (settings: Partial<Settings>) =>
    Layer.build(
      Layer.fresh(Watches.layer.pipe(Layer.provideMerge(Layer.fresh(Sessions.layer)))).pipe(
        Layer.provide(redisOn(settings))
      )
    )
  const first = yield* node(shared)
  const nodeKeys = Effect.promise(() => client.keys(`${shared.redisPrefix}*node:*`))
  const [own] = yield* nodeKeys
  const { proxy, settings } = yield* proxied(shared)
  const second = yield* node(settings)
  return {
    watches: Context.get(first, Watches),
    sessions: Context.get(first, Sessions),
    remote: Context.get(second, Sessions),
    /** Cuts the second node off, and lets its lease run out. */
    kill: Effect.gen(function* () {
      yield* proxy.cut
      const key = (yield* nodeKeys).find((key) => key !== own)!
      yield* Effect.promise(async () => client.pexpire(key, (await client.pttl(key)) - 31_000))
    })
  }
})

describe.runIf(redisUrl !== undefined)("with TEST_REDIS_URL", () => {
  it.live("watchers get the users of the other node, and that they went offline when it was killed", () =>
    Effect.gen(function* () {
      const { watches, remote, kill } = yield* twoNodes
      const [user, other] = [UserId.make(1), UserId.make(2)]
      yield* remote.set(user, 1)
      const socket = new Socket()
      const watch = yield* watches.open(socket)
      const received: Array<unknown> = []
      const hears = (...expected: ReadonlyArray<unknown>) =>
        until(
          Effect.map(socket.taken, (taken) => {
            received.push(...taken)
            return received.length >= expected.length
          })
        ).pipe(Effect.andThen(Effect.sync(() => assert.deepStrictEqual(received.splice(0), expected))))
      yield* watch([user])
      yield* hears([user, true])
      yield* watch([user, other])
      yield* hears([user, true], [other, false])
      yield* remote.set(other, 1)
      yield* hears([other, true])
      yield* remote.set(other, 0)
      yield* hears([other, false])
      yield* kill
      yield* hears([user, false])
    })
  )
})
