import { assert, layer } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { Sends } from "../../src/chat/Sends.ts"
import { MAX_USER_ID, type User, UserId } from "../../src/domain/User.ts"
import { Epoch } from "../../src/Epoch.ts"
import { LiveInboxes } from "../../src/inbox/LiveInboxes.ts"
import { type Wait, Waits } from "../../src/inbox/Waits.ts"
import { Lifecycle } from "../../src/Lifecycle.ts"
import { chat, memoryServices } from "../chat/Servers.ts"
import { draft, memoryRepos, newPair, sendOne } from "../repo/Repos.ts"
import { until } from "../support/Until.ts"

const services = Waits.layer.pipe(
  Layer.provideMerge(chat),
  Layer.provideMerge(Lifecycle.layer),
  Layer.provideMerge(memoryServices),
  Layer.provideMerge(memoryRepos)
)

const begin = ({ id }: User, seq: number, seconds: number) =>
  Waits.use((waits) => waits.begin(id, seq, seconds))

/** Waits until a wait is over, and answers whether it was not in vain. */
const over = (wait: Wait) =>
  Effect.callback<boolean>((resume) => wait.whenOver(() => resume(Effect.succeed(wait.isAdvanced))))

const openInboxes = LiveInboxes.use((live) => live.size)

const isClosed = until(Effect.map(openInboxes, (size) => size === 0))

/** The inbox of a poll that was answered stays open for two seconds, at most a quarter of one more. */
const closesLater = Effect.gen(function* () {
  let steps = 0
  for (; (yield* openInboxes) > 0; steps++) yield* TestClock.adjust("250 millis")
  assert.isAtLeast(steps, 8)
})

layer(services)("a wait", (it) => {
  it.effect("is over as soon as something is sent, and closes the inbox two seconds later", () =>
    Effect.gen(function* () {
      const { alice, bob } = yield* newPair
      const wait = yield* begin(bob, 0, 60)
      const waiting = yield* Effect.forkChild(over(wait), { startImmediately: true })

      yield* Sends.use((sends) => sends.send(draft(alice, bob)))

      assert.isTrue(yield* Fiber.join(waiting))
      yield* closesLater
    })
  )

  it.effect("is not over while nothing was sent that is waited for", () =>
    Effect.gen(function* () {
      const { alice, bob } = yield* newPair
      const wait = yield* begin(bob, 1, 60)
      const calls: Array<boolean> = []
      wait.whenOver(() => calls.push(wait.isAdvanced))

      yield* Sends.use((sends) => sends.send(draft(alice, bob)))
      assert.deepEqual(calls, [])
      yield* Sends.use((sends) => sends.send(draft(alice, bob)))
      yield* Sends.use((sends) => sends.send(draft(alice, bob)))
      assert.deepEqual(calls, [true])
      yield* closesLater
    })
  )

  it.effect("is over at once where there is an event, also for a listener that comes later", () =>
    Effect.gen(function* () {
      const { alice, bob } = yield* newPair
      yield* sendOne(draft(alice, bob))

      assert.isTrue(yield* over(yield* begin(bob, 0, 60)))
      yield* closesLater
    })
  )

  it.effect("is over with what the bus lost when that is noticed", () =>
    Effect.gen(function* () {
      const { alice, bob } = yield* newPair
      const waiting = yield* Effect.forkChild(over(yield* begin(bob, 0, 60)), { startImmediately: true })

      yield* sendOne(draft(alice, bob))
      yield* TestClock.adjust("10 seconds")

      assert.isTrue(yield* Fiber.join(waiting))
    })
  )

  it.effect("is over in vain when its time is", () =>
    Effect.gen(function* () {
      const { bob } = yield* newPair
      const waiting = yield* Effect.forkChild(over(yield* begin(bob, 0, 30)), { startImmediately: true })

      yield* TestClock.adjust("29 seconds")
      assert.isUndefined(waiting.pollUnsafe())
      yield* TestClock.adjust("1 second")

      assert.isFalse(yield* Fiber.join(waiting))
      yield* closesLater
    })
  )

  it.effect("is over in vain when the database has another history", () =>
    Effect.gen(function* () {
      const { bob } = yield* newPair
      const waiting = yield* Effect.forkChild(over(yield* begin(bob, 0, 60)), { startImmediately: true })

      yield* Epoch.use((epoch) => Effect.sync(() => epoch.observe("another history")))
      yield* Effect.yieldNow

      assert.isFalse(yield* Fiber.join(waiting))
      yield* isClosed
    })
  )

  it.effect("leaves the inbox open until the next one, also where that is answered at once", () =>
    Effect.gen(function* () {
      const { alice, bob } = yield* newPair
      yield* sendOne(draft(alice, bob))
      assert.isTrue(yield* over(yield* begin(bob, 0, 60)))
      yield* TestClock.adjust("1900 millis")

      yield* Waits.use((waits) => waits.answered(bob.id))

      yield* closesLater
    })
  )

  it.effect("that is stopped closes its inbox, and calls nobody", () =>
    Effect.gen(function* () {
      const { alice, bob } = yield* newPair
      const wait = yield* begin(bob, 0, 30)
      wait.whenOver(() => assert.fail("it was stopped"))

      wait.stop()
      yield* Sends.use((sends) => sends.send(draft(alice, bob)))
      yield* TestClock.adjust("30 seconds")

      yield* isClosed
    })
  )

  it.effect("does not begin for a user that does not exist", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Waits.use((waits) => waits.begin(UserId.make(MAX_USER_ID), 0, 30)))
      assert.strictEqual(error._tag, "UserNotFound")
      yield* isClosed
    })
  )

  // The last one: a node that drains never stops to.
  it.effect("is over in vain when the node drains, and at once when it drains already", () =>
    Effect.gen(function* () {
      const { bob } = yield* newPair
      const waiting = yield* Effect.forkChild(over(yield* begin(bob, 0, 60)), { startImmediately: true })

      yield* Lifecycle.use((lifecycle) => lifecycle.drain)

      assert.isFalse(yield* Fiber.join(waiting))
      assert.isFalse(yield* over(yield* begin(bob, 0, 60)))
      yield* closesLater
    })
  )
})
