import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer, PubSub, Scope } from "effect"
import { TestClock } from "effect/testing"
import type { InboxEvent } from "../../src/domain/Event.ts"
import { Unavailable } from "../../src/domain/Unavailable.ts"
import { MAX_USER_ID, UserId } from "../../src/domain/User.ts"
import { Epoch, MEMORY_EPOCH } from "../../src/Epoch.ts"
import { LiveInboxes } from "../../src/inbox/LiveInboxes.ts"
import { RedisBus } from "../../src/redis/RedisBus.ts"
import { InboxRepo } from "../../src/repo/InboxRepo.ts"
import { draft, memoryRepos, newPair, sendOne } from "../repo/Repos.ts"

const nobody = UserId.make(MAX_USER_ID)

const event = (seq: number): InboxEvent => ({
  seq,
  type: "message",
  traceparent: undefined,
  committedAt: undefined,
  frame: Buffer.from("{}")
})

/** Live inboxes over a bus and an inbox repository that do what the test says. */
const liveInboxes = Effect.gen(function* () {
  const listeners = new Map<UserId, (event: InboxEvent) => void>()
  const recovered = yield* PubSub.sliding<void>({ capacity: 1 })
  const test = {
    isUp: true,
    /** Runs after a look-up has read, before it answers. */
    afterFind: Effect.void as Effect.Effect<void>,
    beforeHeads: Effect.void as Effect.Effect<void, Unavailable>,
    finds: 0
  }
  const bus = Layer.mock(RedisBus, {
    subscribe: (userId, { onEvent }) =>
      Effect.acquireRelease(
        Effect.sync(() => void listeners.set(userId, onEvent)),
        () => Effect.sync(() => void listeners.delete(userId))
      ),
    recoveries: PubSub.subscribe(recovered),
    isUp: () => test.isUp
  })
  const repo = Layer.effect(
    InboxRepo,
    Effect.map(InboxRepo, (repo) => ({
      ...repo,
      find: (userId: UserId) =>
        Effect.suspend(() => {
          test.finds++
          return Effect.tap(repo.find(userId), test.afterFind)
        }),
      heads: (userIds: ReadonlyArray<UserId>) =>
        Effect.suspend(() => Effect.andThen(test.beforeHeads, repo.heads(userIds)))
    }))
  )
  const renewed: Array<string> = []
  const epoch = Layer.effect(
    Epoch,
    Effect.map(Epoch, (epoch) => ({
      ...epoch,
      renew: (seen: string) => Effect.sync(() => void renewed.push(seen))
    }))
  )
  const services = yield* Layer.build(
    LiveInboxes.layer.pipe(Layer.provide([bus, repo, epoch]), Layer.provideMerge(memoryRepos))
  )
  return { services, test, renewed, listeners, recover: PubSub.publish(recovered, undefined) }
})

const open = (userId: UserId, since?: number) => LiveInboxes.use((live) => live.open(userId, since))

const size = LiveInboxes.use((live) => live.size)

it.effect("an inbox is opened once however many follow it, and closed when the last one leaves", () =>
  Effect.gen(function* () {
    const { services, test, listeners } = yield* liveInboxes
    yield* Effect.gen(function* () {
      const { alice, bob } = yield* newPair
      yield* sendOne(draft(alice, bob))
      const [one, other] = [yield* Scope.make(), yield* Scope.make()]

      const inbox = yield* Scope.provide(open(alice.id), one)
      assert.strictEqual(yield* Scope.provide(open(alice.id), other), inbox)
      assert.deepEqual([yield* size, listeners.size, test.finds], [1, 1, 1])
      assert.include(inbox, { userId: alice.id, username: alice.username, head: 1, pruned: 0 })

      yield* Scope.close(one, Exit.void)
      assert.deepEqual([yield* size, listeners.size], [1, 1])
      yield* Scope.close(other, Exit.void)
      assert.deepEqual([yield* size, listeners.size], [0, 0])
    }).pipe(Effect.provideContext(services))
  })
)

it.effect("the inbox of a user that does not exist is not found, and nothing is left of it", () =>
  Effect.gen(function* () {
    const { services, listeners } = yield* liveInboxes
    yield* Effect.gen(function* () {
      assert.strictEqual((yield* Effect.flip(Effect.scoped(open(nobody))))._tag, "UserNotFound")
      assert.deepEqual([yield* size, listeners.size], [0, 0])

      assert.strictEqual((yield* Effect.flip(Effect.scoped(open(UserId.make(1)))))._tag, "UserNotFound")
      const { alice } = yield* newPair
      assert.strictEqual((yield* open(alice.id)).userId, alice.id)
    }).pipe(Effect.provideContext(services))
  })
)

it.effect("an event of this node is delivered ahead of the bus when it is the next, else with it", () =>
  Effect.gen(function* () {
    const { services, listeners } = yield* liveInboxes
    yield* Effect.gen(function* () {
      const { alice, bob } = yield* newPair
      const inbox = yield* open(alice.id)
      const { offer } = yield* LiveInboxes
      const seqs = () => inbox.after(0)?.map(({ seq }) => seq)
      const offerOwn = (userId: UserId, seq: number) => offer({ userId, event: event(seq) })

      offerOwn(bob.id, 1)
      offerOwn(alice.id, 1)
      assert.deepEqual(seqs(), [1])
      offerOwn(alice.id, 3)
      assert.deepEqual(seqs(), [1])
      for (const seq of [1, 2, 3]) listeners.get(alice.id)!(event(seq))
      assert.deepEqual(seqs(), [1, 2, 3])
    }).pipe(Effect.provideContext(services))
  })
)

it.effect("an event that comes while the inbox is looked up is not missed", () =>
  Effect.gen(function* () {
    const { services, test, listeners } = yield* liveInboxes
    yield* Effect.gen(function* () {
      const { alice } = yield* newPair
      test.afterFind = Effect.sync(() => listeners.get(alice.id)!(event(1)))

      const inbox = yield* open(alice.id)

      assert.strictEqual(inbox.head, 1)
      assert.deepEqual(
        inbox.after(0)?.map(({ seq }) => seq),
        [1]
      )
    }).pipe(Effect.provideContext(services))
  })
)

it.effect("who stops waiting while an inbox is looked up spoils it for nobody", () =>
  Effect.gen(function* () {
    const { services, test } = yield* liveInboxes
    yield* Effect.gen(function* () {
      const { alice } = yield* newPair
      const reached = yield* Deferred.make<void>()
      const goOn = yield* Deferred.make<void>()
      test.afterFind = Effect.andThen(Deferred.succeed(reached, undefined), Deferred.await(goOn))

      const impatient = yield* Effect.forkChild(Effect.scoped(open(alice.id)))
      yield* Deferred.await(reached)
      const patient = yield* Effect.forkChild(open(alice.id), { startImmediately: true })
      yield* Effect.forkChild(Fiber.interrupt(impatient), { startImmediately: true })
      yield* Deferred.succeed(goOn, undefined)

      assert.strictEqual((yield* Fiber.join(patient)).userId, alice.id)
    }).pipe(Effect.provideContext(services))
  })
)

it.effect("an event that the bus lost is noticed ten seconds later", () =>
  Effect.gen(function* () {
    const { services } = yield* liveInboxes
    yield* Effect.gen(function* () {
      const { alice, bob } = yield* newPair
      const inbox = yield* open(bob.id)
      yield* sendOne(draft(alice, bob))

      yield* TestClock.adjust("9 seconds")
      assert.strictEqual(inbox.head, 0)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(inbox.head, 1)
      assert.isUndefined(inbox.after(0))
    }).pipe(Effect.provideContext(services))
  })
)

it.effect("while the bus is unavailable, events are noticed within a second", () =>
  Effect.gen(function* () {
    const { services, test } = yield* liveInboxes
    yield* Effect.gen(function* () {
      const { alice, bob } = yield* newPair
      const inbox = yield* open(bob.id)
      test.isUp = false

      for (const expected of [1, 2, 3]) {
        yield* sendOne(draft(alice, bob))
        yield* TestClock.adjust("1 second")
        assert.strictEqual(inbox.head, expected)
      }
    }).pipe(Effect.provideContext(services))
  })
)

it.effect("when the bus is back, what was missed is noticed at once", () =>
  Effect.gen(function* () {
    const { services, recover } = yield* liveInboxes
    yield* Effect.gen(function* () {
      const { alice, bob } = yield* newPair
      const inbox = yield* open(bob.id)
      yield* sendOne(draft(alice, bob))

      const advanced = Effect.callback<void>((resume) => {
        const leave = inbox.follow(() => resume(Effect.void))
        return Effect.sync(leave)
      })
      const waiting = yield* Effect.forkChild(advanced, { startImmediately: true })
      yield* recover
      yield* Fiber.join(waiting)

      assert.strictEqual(inbox.head, 1)
    }).pipe(Effect.provideContext(services))
  })
)

it.effect("a sweep that the database did not answer is made again", () =>
  Effect.gen(function* () {
    const { services, test } = yield* liveInboxes
    yield* Effect.gen(function* () {
      const { alice, bob } = yield* newPair
      const inbox = yield* open(bob.id)
      yield* sendOne(draft(alice, bob))

      test.beforeHeads = Effect.fail(new Unavailable({ dependency: "database", cause: "away" }))
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual(inbox.head, 0)
      test.beforeHeads = Effect.void
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(inbox.head, 1)
    }).pipe(Effect.provideContext(services))
  })
)

it.effect("an inbox that is behind what a client has seen is looked up again", () =>
  Effect.gen(function* () {
    const { services } = yield* liveInboxes
    yield* Effect.gen(function* () {
      const { alice, bob } = yield* newPair
      const inbox = yield* open(bob.id)
      yield* sendOne(draft(alice, bob))
      yield* open(bob.id, 0)
      assert.strictEqual(inbox.head, 0)

      yield* open(bob.id, 1)

      assert.strictEqual(inbox.head, 1)
    }).pipe(Effect.provideContext(services))
  })
)

it.effect("a database that has less of an inbox than this node knows begins a new epoch", () =>
  Effect.gen(function* () {
    const { services, listeners, renewed, test } = yield* liveInboxes
    yield* Effect.gen(function* () {
      const { alice } = yield* newPair
      yield* open(alice.id)
      // An event that arrives while a sweep is on its way is not known to that sweep: nothing went back.
      test.beforeHeads = Effect.sync(() => listeners.get(alice.id)!(event(1)))
      yield* TestClock.adjust("10 seconds")
      assert.deepEqual(renewed, [])

      test.beforeHeads = Effect.void
      yield* TestClock.adjust("10 seconds")
      assert.deepEqual(renewed, [MEMORY_EPOCH])
    }).pipe(Effect.provideContext(services))
  })
)
