import { assert, describe, it, layer } from "@effect/vitest"
import { Context, Effect, Exit, Fiber, Layer, PubSub, Queue, Scope } from "effect"
import type { Settings } from "../../src/AppConfig.ts"
import type { InboxEvent } from "../../src/domain/Event.ts"
import { UserId } from "../../src/domain/User.ts"
import { MEMORY_EPOCH } from "../../src/Epoch.ts"
import { Redis } from "../../src/redis/Redis.ts"
import { RedisBus } from "../../src/redis/RedisBus.ts"
import { freshRedisNode, proxied, redisClient, redisOn } from "../presence/Nodes.ts"
import { COMMITTED_AT, frameOf, messageEvent } from "../support/Events.ts"
import { freshRedis, redisUrl } from "../support/Services.ts"
import { until } from "../support/Until.ts"

/** The channel of a user in the epoch of the tests. */
const channelOf = (prefix: string, userId: UserId) => `${prefix}${MEMORY_EPOCH}:user:${userId}:events`

let lastUserId = 0

/** A user that no other test knows. */
const newUser = () => UserId.make(++lastUserId)

const event = (seq: number, text = "hello"): InboxEvent =>
  messageEvent("message", seq, JSON.stringify({ content: text }))

/** Listens for a user until the scope closes; the events are taken one by one. */
const listen = Effect.fnUntraced(function* (bus: RedisBus["Service"], userId: UserId) {
  const events = yield* Queue.unbounded<InboxEvent>()
  yield* bus.subscribe(userId, { onEvent: (event) => Queue.offerUnsafe(events, event) })
  return { next: Queue.take(events), arrived: Queue.clear(events) }
})

/** Listens for what is passed to a user, and for its events, until the scope closes. */
const listenToPassing = Effect.fnUntraced(function* (bus: RedisBus["Service"], userId: UserId) {
  const heard = yield* Queue.unbounded<string>()
  yield* bus.subscribe(userId, {
    onEvent: ({ seq }) => Queue.offerUnsafe(heard, `event ${seq}`),
    onPassing: (frame) => Queue.offerUnsafe(heard, Buffer.from(frame).toString())
  })
  return { next: Queue.take(heard), arrived: Queue.clear(heard) }
})

/** Publishes one event. */
const publish = (bus: RedisBus["Service"], userId: UserId, one: InboxEvent, traceparent?: string) =>
  Effect.map(bus.publish([{ userId, event: { ...one, traceparent } }]), ([isHeard]) => isHeard === true)

/**
 * Publishes until a node answers that it listens: on a busy machine an answer may come too late to count. The
 * event may then arrive more than once.
 */
const publishHeard = (bus: RedisBus["Service"], userId: UserId, one: InboxEvent, traceparent?: string) =>
  until(publish(bus, userId, one, traceparent))

/** Waits until all that was published before has arrived wherever it goes. */
const settled = Effect.fnUntraced(function* (bus: RedisBus["Service"]) {
  const userId = newUser()
  yield* Effect.scoped(
    Effect.gen(function* () {
      const { next } = yield* listen(bus, userId)
      yield* publishHeard(bus, userId, event(1))
      yield* next
    })
  )
})

const redisBusContract = <E>(name: string, bus: Layer.Layer<RedisBus, E>) =>
  layer(bus, { excludeTestServices: true })(`RedisBus: ${name}`, (it) => {
    it.effect("an event reaches who listens, byte for byte", () =>
      Effect.gen(function* () {
        const bus = yield* RedisBus
        const user = newUser()
        const { next } = yield* listen(bus, user)
        const published = event(41, 'é 👩‍🚀 "\\" \u2028\n')

        yield* publishHeard(bus, user, published, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")

        const { frame, ...head } = yield* next
        assert.deepEqual(head, {
          seq: 41,
          type: "message",
          committedAt: COMMITTED_AT,
          traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        })
        assert.deepEqual(Buffer.from(frame), Buffer.from(published.frame))
      })
    )

    it.effect("an event outside a trace says so", () =>
      Effect.gen(function* () {
        const bus = yield* RedisBus
        const user = newUser()
        const { next } = yield* listen(bus, user)

        yield* publish(bus, user, event(1))

        assert.isUndefined((yield* next).traceparent)
      })
    )

    it.effect("an event of another user is not heard", () =>
      Effect.gen(function* () {
        const bus = yield* RedisBus
        const { arrived } = yield* listen(bus, newUser())

        assert.isFalse(yield* publish(bus, newUser(), event(1)))

        yield* settled(bus)
        assert.isEmpty(yield* arrived)
      })
    )

    it.effect("events that are published together reach each its user, and are answered in their order", () =>
      Effect.gen(function* () {
        const bus = yield* RedisBus
        const [alice, bob, nobody] = [newUser(), newUser(), newUser()]
        const [toAlice, toBob] = [yield* listen(bus, alice), yield* listen(bus, bob)]

        const notices = [
          { userId: bob, event: event(7) },
          { userId: nobody, event: event(8) },
          { userId: alice, event: event(9) }
        ]
        yield* until(Effect.map(bus.publish(notices), (heard) => heard.join() === "true,false,true"))

        assert.strictEqual((yield* toBob.next).seq, 7)
        assert.strictEqual((yield* toAlice.next).seq, 9)
      })
    )

    it.effect("nothing is heard any more once the scope has closed", () =>
      Effect.gen(function* () {
        const bus = yield* RedisBus
        const user = newUser()
        const scope = yield* Scope.make()
        const { next, arrived } = yield* Scope.provide(listen(bus, user), scope)
        yield* publish(bus, user, event(1))
        yield* next

        yield* Scope.close(scope, Exit.void)

        yield* publish(bus, user, event(2))
        yield* settled(bus)
        assert.isEmpty(yield* arrived)
        yield* until(Effect.map(publish(bus, user, event(3)), (isHeard) => !isHeard))
      })
    )

    it.effect("who listens anew before the last one left goes on listening", () =>
      Effect.gen(function* () {
        const bus = yield* RedisBus
        const user = newUser()
        const scope = yield* Scope.make()
        yield* Scope.provide(listen(bus, user), scope)
        const { next } = yield* listen(bus, user)

        yield* Scope.close(scope, Exit.void)

        yield* settled(bus)
        yield* publishHeard(bus, user, event(1))
        assert.strictEqual((yield* next).seq, 1)
      })
    )

    it.effect("who listens anew after the last one left hears what comes from then on", () =>
      Effect.gen(function* () {
        const bus = yield* RedisBus
        const user = newUser()
        yield* Effect.scoped(listen(bus, user))

        const { next } = yield* listen(bus, user)

        yield* publishHeard(bus, user, event(2))
        assert.strictEqual((yield* next).seq, 2)
      })
    )

    it.effect(
      "who listens anew in the turn in which the last one left and others came goes on listening",
      () =>
        Effect.gen(function* () {
          const bus = yield* RedisBus
          const [alice, bob] = [newUser(), newUser()]
          const scope = yield* Scope.make()
          yield* Scope.provide(listen(bus, alice), scope)

          const anew = Effect.andThen(Scope.close(scope, Exit.void), listen(bus, alice))
          const [toBob, toAlice] = yield* Effect.all([listen(bus, bob), anew], { concurrency: "unbounded" })

          assert.isTrue(yield* publish(bus, bob, event(1)))
          assert.isTrue(yield* publish(bus, alice, event(2)))
          assert.strictEqual((yield* toBob.next).seq, 1)
          assert.strictEqual((yield* toAlice.next).seq, 2)
        })
    )

    it.effect("a frame without a number reaches each user that it is passed to, and no other", () =>
      Effect.gen(function* () {
        const bus = yield* RedisBus
        const users = Array.from({ length: 3 }, newUser)
        const listeners = yield* Effect.forEach(users, (user) => listenToPassing(bus, user))
        const other = yield* listenToPassing(bus, newUser())
        const frame = JSON.stringify({ type: "typing", text: "é 👩‍🚀\n" })

        yield* bus.pass([...users, newUser()], "typing", Buffer.from(frame))

        for (const { next } of listeners) assert.strictEqual(yield* next, frame)
        yield* settled(bus)
        assert.isEmpty(yield* other.arrived)
      })
    )

    it.effect("an event is not told to whom it is no news, a frame without a number is", () =>
      Effect.gen(function* () {
        const bus = yield* RedisBus
        const user = newUser()
        const heard = yield* Queue.unbounded<string>()
        yield* bus.subscribe(user, {
          onEvent: ({ seq }) => Queue.offerUnsafe(heard, `event ${seq}`),
          onPassing: () => Queue.offerUnsafe(heard, "passing"),
          isNews: (seq) => seq > 7
        })
        yield* publishHeard(bus, user, event(7))
        yield* bus.pass([user], "typing", Buffer.from("{}"))
        yield* publish(bus, user, event(8))

        assert.strictEqual(yield* Queue.take(heard), "passing")
        assert.strictEqual(yield* Queue.take(heard), "event 8")
      })
    )

    it.effect("a frame is passed to a thousand users, and to one who takes none", () =>
      Effect.gen(function* () {
        const bus = yield* RedisBus
        const users = Array.from({ length: 1001 }, newUser)
        const [first, last] = [
          yield* listenToPassing(bus, users[0]!),
          yield* listenToPassing(bus, users[999]!)
        ]
        const deaf = yield* listen(bus, users[1000]!)
        yield* bus.pass(users, "typing", Buffer.from("{}"))
        assert.deepEqual([yield* first.next, yield* last.next], ["{}", "{}"])
        yield* settled(bus)
        assert.isEmpty(yield* deaf.arrived)
        yield* publishHeard(bus, users[999]!, event(1))
        assert.strictEqual(yield* last.next, "event 1")
      })
    )

    it.effect("it is up", () =>
      Effect.gen(function* () {
        assert.isTrue((yield* RedisBus).isUp())
      })
    )
  })

/** A node of its own under the settings of a test. */
const node = (settings: Partial<Settings>) =>
  Layer.build(Layer.fresh(RedisBus.layer).pipe(Layer.provideMerge(redisOn(settings))))

/** A node that reaches Redis through a proxy, and one beside it that does not. */
const nodes = Effect.gen(function* () {
  const shared = yield* freshRedis
  const { proxy, settings } = yield* proxied(shared)
  const [near, far] = [yield* node(settings), yield* node(shared)]
  return {
    proxy,
    bus: Context.get(near, RedisBus),
    redis: Context.get(near, Redis),
    other: Context.get(far, RedisBus)
  }
})

/** The payloads that come on a channel, to a client that looks like one more node. */
const heardOn = Effect.fnUntraced(function* (prefix: string, channel: string) {
  const client = yield* redisClient
  const heard: Array<string> = []
  client.on("message", (_, payload) => heard.push(payload))
  yield* Effect.promise(() => client.subscribe(`${prefix}${MEMORY_EPOCH}:nodes`, channel))
  return heard
})

const isAway = (bus: RedisBus["Service"]) => Effect.sync(() => !bus.isUp())

const manyNodes = () => {
  it.live("an event reaches who listens on every node", () =>
    Effect.gen(function* () {
      const { bus, other } = yield* nodes
      const user = newUser()
      const listeners = [yield* listen(bus, user), yield* listen(other, user)]

      yield* publishHeard(bus, user, event(7, "é 👩‍🚀"))

      for (const { next } of listeners) {
        assert.strictEqual(frameOf(yield* next), frameOf(event(7, "é 👩‍🚀")))
      }
    })
  )

  it.live("an event that its node has is not read back, and reaches who listens on another node", () =>
    Effect.gen(function* () {
      const { proxy, bus, other } = yield* nodes
      const [here, both] = [newUser(), newUser()]
      const own = [yield* listen(bus, here), yield* listen(bus, both)] as const
      const elsewhere = yield* listen(other, both)
      const publishOwn = (seq: number) =>
        Effect.map(
          bus.publish([here, both].map((userId) => ({ userId, event: event(seq), isDeliveredHere: true }))),
          (heard) => heard.join() === "true,true"
        )

      yield* until(publishOwn(1))
      assert.strictEqual((yield* elsewhere.next).seq, 1)
      assert.strictEqual((yield* own[1].next).seq, 1)
      yield* settled(bus)
      assert.isEmpty(yield* own[0].arrived)

      const recovered = yield* bus.recoveries
      yield* proxy.cut
      yield* until(isAway(bus))
      assert.isTrue(yield* publishOwn(2))
      yield* proxy.restore
      yield* PubSub.take(recovered)
      // What could not be asked about is published once it can.
      assert.strictEqual((yield* own[0].next).seq, 2)
      yield* settled(bus)
      yield* until(publishOwn(3))
      yield* settled(bus)
      assert.isEmpty(yield* own[0].arrived)
      yield* until(Effect.map(elsewhere.next, ({ seq }) => seq === 3))
    })
  )

  it.live("an event that its node has is published all the same when its subscriptions may be lost", () =>
    Effect.gen(function* () {
      const { bus, redis } = yield* nodes
      const user = newUser()
      const { arrived } = yield* listen(bus, user)
      const publishOwn = (seq: number) =>
        Effect.map(
          bus.publish([{ userId: user, event: event(seq), isDeliveredHere: true }]),
          ([isHeard]) => isHeard === true
        )
      yield* until(publishOwn(1))
      yield* settled(bus)
      assert.isEmpty(yield* arrived)

      const last = yield* Effect.eventually(
        redis.run(
          (commands) => commands.pubsub("CHANNELS", `${redis.prefix}present:*`) as Promise<Array<string>>
        )
      )
      assert.isAtLeast(last.length, 2)
      yield* Effect.promise(() => redis.subscriber.unsubscribe(...last))

      // Until then it takes itself for alone.
      yield* until(
        Effect.andThen(
          publishOwn(2),
          Effect.map(arrived, (events) => events.length > 0)
        )
      )
    })
  )

  it.live("nothing is published while no other node has anybody who listens", () =>
    Effect.gen(function* () {
      const { bus, redis, other } = yield* nodes
      const [here, elsewhere] = [newUser(), newUser()]
      const heard: Array<string> = []
      const client = yield* redisClient
      client.on("message", (channel) => heard.push(channel))
      const [toHere, toElsewhere] = [here, elsewhere].map((user) => channelOf(redis.prefix, user)) as [
        string,
        string
      ]
      yield* Effect.promise(() => client.subscribe(toHere, toElsewhere))
      const { next } = yield* listen(bus, here)

      const both = [here, elsewhere].map((userId) => ({ userId, event: event(1) }))
      assert.deepEqual(yield* bus.publish(both), [true, false])
      // An event that its node has not delivered yet comes back to it.
      assert.strictEqual((yield* next).seq, 1)
      assert.deepEqual(heard, [toHere])

      const far = yield* listen(other, elsewhere)
      yield* until(publish(bus, elsewhere, event(2)))
      assert.strictEqual((yield* far.next).seq, 2)
    })
  )

  it.live("who begins to listen while Redis is slow to confirm it is told to look anew once it has", () =>
    Effect.gen(function* () {
      const { proxy, bus, other } = yield* nodes
      const user = newUser()
      const recovered = yield* bus.recoveries
      yield* proxy.hold("replies")
      const { next } = yield* listen(bus, user)
      yield* proxy.release

      yield* PubSub.take(recovered)

      yield* publishHeard(other, user, event(1))
      assert.strictEqual((yield* next).seq, 1)
    })
  )

  it.live("who begins to listen on another node misses nothing that is committed from then on", () =>
    Effect.gen(function* () {
      const { bus, other } = yield* nodes
      const user = newUser()
      let head = 0
      const commit = Effect.suspend(() => publish(bus, user, event(++head)))
      yield* commit
      const committing = yield* Effect.forkChild(Effect.forever(Effect.andThen(commit, Effect.yieldNow)))

      const { arrived } = yield* listen(other, user)
      const known = head
      yield* until(Effect.sync(() => head > known + 100))
      yield* Fiber.interrupt(committing)
      const last = head
      const seen = new Set<number>()
      yield* until(
        Effect.map(arrived, (events) => {
          for (const { seq } of events) seen.add(seq)
          return seen.has(last)
        })
      )

      for (let seq = known + 1; seq <= last; seq++)
        assert.isTrue(seen.has(seq), `${seq} of ${known} to ${last}`)
    })
  )

  it.live("what is not an event is ignored", () =>
    Effect.gen(function* () {
      const { bus, redis } = yield* nodes
      const user = newUser()
      const { next, arrived } = yield* listen(bus, user)

      for (const payload of [
        "",
        "\n",
        "hello",
        "1 message",
        "0 message -\n{}",
        "x message -\n{}",
        "1 message\n{}"
      ]) {
        yield* redis.run((commands) => commands.publish(channelOf(redis.prefix, user), payload))
      }
      yield* publish(bus, user, event(1))

      assert.strictEqual((yield* next).seq, 1)
      assert.isEmpty(yield* arrived)
    })
  )

  it.live(
    "a payload that another signed, or nobody, or one for another user or number, is a claim alone",
    () =>
      Effect.gen(function* () {
        const { bus, redis } = yield* nodes
        const [user, victim] = [newUser(), newUser()]
        const channels = [user, victim].map((userId) => channelOf(redis.prefix, userId)) as [string, string]
        const heard = yield* heardOn(redis.prefix, channels[0])
        yield* publish(bus, user, event(1, "genuine"))
        yield* bus.pass([user], "typing", Buffer.from("{}"))
        yield* until(Effect.sync(() => heard.length === 2))
        const [genuine, passed] = heard as [string, string]

        const claims: Array<number> = []
        const shown = yield* Queue.unbounded<string>()
        yield* bus.subscribe(victim, {
          onEvent: ({ seq }) => Queue.offerUnsafe(shown, `event ${seq}`),
          onPassing: () => Queue.offerUnsafe(shown, "passing"),
          onClaim: (seq) => claims.push(seq)
        })
        const unsigned = genuine.replace(/ [^ \n]+\n/, "\n")
        const forged = [
          unsigned,
          genuine,
          genuine.replace(/^1 /, "2 "),
          genuine.replace(" message ", " message_sent "),
          genuine.replace("genuine", "altered"),
          genuine.replace(/:\d+\n/, ":0\n"),
          genuine.replace(/:\d+\n/, ":999999999\n"),
          passed,
          passed.replace(/ [^ \n]+\n/, "\n")
        ]
        for (const payload of forged) yield* redis.run((commands) => commands.publish(channels[1], payload))
        yield* publish(bus, victim, event(9))

        assert.strictEqual(yield* Queue.take(shown), "event 9")
        assert.isEmpty(yield* Queue.clear(shown))
        assert.deepEqual(claims, [1, 1, 2, 1, 1, 1, 1])
      })
  )

  for (const how of ["cut", "stalled"] as const) {
    it.live(`while Redis is ${how}, publishing answers that nobody listens, and tells this node alone`, () =>
      Effect.gen(function* () {
        const { proxy, bus, other } = yield* nodes
        const user = newUser()
        const [here, there] = [yield* listen(bus, user), yield* listen(other, user)]

        yield* how === "cut" ? proxy.cut : proxy.hold("everything")
        assert.isFalse(yield* publish(bus, user, event(1)))
        yield* until(isAway(bus))
        assert.isFalse(yield* publish(bus, user, event(2)))

        assert.deepEqual([(yield* here.next).seq, (yield* here.next).seq], [1, 2])
        yield* settled(other)
        assert.isEmpty(yield* there.arrived)
      })
    )

    it.live(`when Redis that was ${how} is back, who listened is told and listens again`, () =>
      Effect.gen(function* () {
        const { proxy, bus, other } = yield* nodes
        const user = newUser()
        const { next } = yield* listen(bus, user)
        const recovered = yield* bus.recoveries
        yield* how === "cut" ? proxy.cut : proxy.hold("everything")
        yield* until(isAway(bus))

        yield* how === "cut" ? proxy.restore : proxy.release
        yield* PubSub.take(recovered)

        assert.isTrue(bus.isUp())
        yield* publishHeard(other, user, event(1))
        assert.strictEqual((yield* next).seq, 1)
        yield* publishHeard(bus, user, event(2))
        assert.strictEqual((yield* next).seq, 2)
      })
    )
  }

  it.live("who begins to listen while Redis is away listens when it is back", () =>
    Effect.gen(function* () {
      const { proxy, bus, other } = yield* nodes
      const recovered = yield* bus.recoveries
      yield* proxy.cut
      yield* until(isAway(bus))
      const user = newUser()
      const { next } = yield* listen(bus, user)

      yield* proxy.restore
      yield* PubSub.take(recovered)

      yield* publishHeard(other, user, event(1))
      assert.strictEqual((yield* next).seq, 1)
    })
  )

  it.live("who stopped listening while Redis was away does not listen when it is back", () =>
    Effect.gen(function* () {
      const { proxy, bus, other } = yield* nodes
      const user = newUser()
      const scope = yield* Scope.make()
      yield* Scope.provide(listen(bus, user), scope)
      const recovered = yield* bus.recoveries
      yield* proxy.cut
      yield* until(isAway(bus))

      yield* Scope.close(scope, Exit.void)
      yield* proxy.restore
      yield* PubSub.take(recovered)

      assert.isFalse(yield* publish(other, user, event(1)))
    })
  )

  it.live(
    "the last event of each user that this node could not publish is published when Redis is back",
    () =>
      Effect.gen(function* () {
        const { proxy, bus, other } = yield* nodes
        const users = [newUser(), newUser()] as const
        const listeners = [yield* listen(other, users[0]), yield* listen(other, users[1])]
        yield* proxy.cut
        yield* until(isAway(bus))
        for (const seq of [1, 2, 3]) {
          for (const user of users) yield* publish(bus, user, event(seq))
        }
        yield* settled(other)
        for (const { arrived } of listeners) assert.isEmpty(yield* arrived)

        yield* proxy.restore

        for (const { next } of listeners) assert.strictEqual((yield* next).seq, 3)
      })
  )

  it.live("all who listen are subscribed again, however many they are", () =>
    Effect.gen(function* () {
      const { proxy, bus, redis } = yield* nodes
      const client = yield* redisClient
      const users = Array.from({ length: 1100 }, newUser)
      const subscribers = Effect.promise(async () => {
        const channels = users.map((user) => channelOf(redis.prefix, user))
        const counts = await client.pubsub("NUMSUB", ...channels)
        return counts.filter((count) => count === 1).length
      })
      yield* Effect.forEach(users, (user) => bus.subscribe(user, { onEvent: () => {} }), { concurrency: 100 })
      yield* proxy.cut
      yield* until(isAway(bus))
      yield* until(Effect.map(subscribers, (count) => count === 0))

      yield* proxy.restore

      yield* until(Effect.map(subscribers, (count) => count === users.length))
    })
  )

  it.live("a node starts while Redis is away, and works when it comes", () =>
    Effect.gen(function* () {
      const shared = yield* freshRedis
      const { proxy, settings } = yield* proxied(shared)
      yield* proxy.cut
      const bus = Context.get(yield* node(settings), RedisBus)
      const recovered = yield* bus.recoveries
      assert.isFalse(bus.isUp())
      const user = newUser()
      const { next } = yield* listen(bus, user)

      yield* proxy.restore
      yield* PubSub.take(recovered)

      yield* publishHeard(bus, user, event(1))
      assert.strictEqual((yield* next).seq, 1)
    })
  )

  it.live("a command fails at once while Redis is away, and in the end when it is stalled", () =>
    Effect.gen(function* () {
      const { proxy, bus, redis } = yield* nodes
      const get = Effect.flip(redis.run((commands) => commands.get("nothing")))

      yield* proxy.hold("replies")
      assert.strictEqual((yield* get)._tag, "RedisError")
      yield* until(isAway(bus))
      assert.strictEqual((yield* get)._tag, "RedisError")
    })
  )

  it.live("items of one turn are one command, and each has its own answer", () =>
    Effect.gen(function* () {
      const { proxy, bus, redis } = yield* nodes
      const gathered: Array<ReadonlyArray<string>> = []
      const echo = redis.batched((commands, items: ReadonlyArray<string>) => {
        gathered.push(items)
        return Promise.all(items.map((item) => commands.echo(item)))
      })
      const both = Effect.flatMap(Effect.all([echo("a"), echo("b")]), Effect.all)

      assert.deepEqual(yield* both, ["a", "b"])
      assert.deepEqual(yield* Effect.flatten(echo("c")), "c")
      assert.deepEqual(gathered, [["a", "b"], ["c"]])

      yield* proxy.hold("replies")
      assert.strictEqual((yield* Effect.flip(both))._tag, "RedisError")
      yield* until(isAway(bus))
      assert.strictEqual((yield* Effect.flip(both))._tag, "RedisError")
      assert.lengthOf(gathered, 3)
    })
  )

  it.live("a script runs time and again, and over a new connection", () =>
    Effect.gen(function* () {
      const { proxy, bus, redis } = yield* nodes
      const join = redis.script<string>("return KEYS[1] .. ARGV[1] .. ARGV[2]")
      const run = redis.run((commands) => join(commands, ["key"], ["one", 2]))

      assert.strictEqual(yield* run, "keyone2")
      assert.strictEqual(yield* run, "keyone2")
      yield* proxy.cut
      yield* until(isAway(bus))
      yield* proxy.restore
      yield* until(Effect.sync(() => bus.isUp()))
      assert.strictEqual(yield* run, "keyone2")
    })
  )
}

redisBusContract("memory", RedisBus.layerMemory)
describe.runIf(redisUrl !== undefined)("with TEST_REDIS_URL", () => {
  redisBusContract("Redis", RedisBus.layer.pipe(Layer.provide(freshRedisNode)))
  describe("RedisBus: several nodes, and Redis that goes away", manyNodes)
})
