import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer } from "effect"
import type { AppendedFact } from "../../src/domain/Event.ts"
import { UserId } from "../../src/domain/User.ts"
import { EventPublisher } from "../../src/inbox/EventPublisher.ts"
import { LiveInboxes } from "../../src/inbox/LiveInboxes.ts"
import { RedisBus } from "../../src/redis/RedisBus.ts"
import { linesOf } from "../support/Logged.ts"

/** A fact that is the event `seq` of the users 1 to `users`. */
const fact = (seq: number, users: number): AppendedFact => ({
  fact: {
    type: "conversation_removed",
    committedAt: 0,
    message: undefined,
    clientId: undefined,
    payload: { conversation_id: 1 }
  },
  places: Array.from({ length: users }, (_, i) => ({ userId: UserId.make(i + 1), seq }))
})

/** The user whose inbox is open here, and lacks earlier events. */
const LATE = 4

/** A publisher whose sockets and bus note what they are handed: `user/seq`. Every second user has a socket here, the third one elsewhere. */
const publisher = Effect.gen(function* () {
  const offered: Array<string> = []
  const published: Array<string> = []
  /** Whose events the bus was told to be delivered here. */
  const forOthers: Array<number> = []
  const answers = yield* Deferred.make<void>()
  const layer = EventPublisher.layer.pipe(
    Layer.provide([
      Layer.mock(LiveInboxes, {
        offer: ({ userId, event }) => {
          offered.push(`${userId}/${event.seq}`)
          if (userId % 2 === 1) return "closed"
          return userId === LATE ? "open" : "delivered"
        }
      }),
      Layer.mock(RedisBus, {
        isUp: () => true,
        publish: (events) => {
          published.push(...events.map(({ userId, event }) => `${userId}/${event.seq}`))
          forOthers.push(...events.filter((one) => one.isDeliveredHere).map(({ userId }) => userId))
          return Effect.as(
            Deferred.await(answers),
            events.map(({ userId }) => userId === 3)
          )
        }
      })
    ])
  )
  const { publish } = yield* Effect.provide(EventPublisher, layer)
  return {
    offered,
    published,
    forOthers,
    answers,
    publish: (...facts: ReadonlyArray<AppendedFact>) =>
      Effect.forkChild(publish(facts), { startImmediately: true })
  }
})

const expected = (seq: number, users: number) => Array.from({ length: users }, (_, i) => `${i + 1}/${seq}`)

it.effect(
  "an event is handed to sockets and the bus at once, and who heard it is answered in its place",
  () =>
    Effect.gen(function* () {
      const { answers, forOthers, offered, publish, published } = yield* publisher

      const fiber = yield* publish(fact(1, 4), fact(2, 1))

      assert.deepEqual(forOthers, [2])

      assert.deepEqual(offered, [...expected(1, 4), ...expected(2, 1)])
      assert.deepEqual(published, offered)
      yield* Deferred.succeed(answers, undefined)
      assert.deepEqual(yield* Fiber.join(fiber), [[false, true, true, true], [false]])
    })
)

it.effect(
  "a change that cannot be built is one line of the log, and its events are published none the less",
  () =>
    Effect.gen(function* () {
      const { answers, published, publish } = yield* publisher
      yield* Deferred.succeed(answers, undefined)
      const { fact: whole, places } = fact(7, 2)

      const lines = yield* linesOf(
        Effect.flatMap(
          publish({ fact: { ...whole, payload: undefined }, places }, fact(8, 1), {
            fact: { ...whole, type: "unknown" },
            places
          }),
          Fiber.join
        )
      )

      assert.lengthOf(lines, 1)
      assert.match(
        lines[0]!,
        /^Error 2 committed .* type conversation_removed for 2 inbox.* event 7 of user 1$/
      )
      assert.deepEqual(published, [...expected(7, 2), ...expected(8, 1), ...expected(7, 2)])
    })
)

it.effect(
  "others are served in the middle of a thousand events, of which each is handed out once, in order",
  () =>
    Effect.gen(function* () {
      const { answers, offered, publish, published } = yield* publisher

      const large = yield* publish(fact(1, 1000))
      yield* publish(fact(2, 1))

      const place = offered.indexOf("1/2")
      assert.isAbove(place, 0)
      assert.isBelow(place, 100)
      yield* Deferred.succeed(answers, undefined)
      const [heard] = yield* Fiber.join(large)
      offered.splice(place, 1)
      assert.deepEqual(offered, expected(1, 1000))
      assert.deepEqual(
        published.filter((event) => event !== "1/2"),
        offered
      )
      assert.deepEqual(heard!.slice(0, 6), [false, true, true, true, false, true])
      assert.lengthOf(heard!, 1000)
    })
)

it.effect(
  "of two messages to many users the second one waits for the first, and not for who heard of it",
  () =>
    Effect.gen(function* () {
      const { answers, offered, publish } = yield* publisher

      const fibers = [yield* publish(fact(1, 300)), yield* publish(fact(2, 300))]
      while (offered.length < 600) yield* Effect.yieldNow

      assert.deepEqual(offered, [...expected(1, 300), ...expected(2, 300)])
      yield* Deferred.succeed(answers, undefined)
      yield* Fiber.joinAll(fibers)
    })
)
