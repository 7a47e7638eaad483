import { assert, layer } from "@effect/vitest"
import { DateTime, Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { Sends } from "../../src/chat/Sends.ts"
import { MAX_USER_ID, type User, UserId } from "../../src/domain/User.ts"
import { InboxReader } from "../../src/inbox/InboxReader.ts"
import { LiveInboxes } from "../../src/inbox/LiveInboxes.ts"
import { Lifecycle } from "../../src/Lifecycle.ts"
import { InboxRepo } from "../../src/repo/InboxRepo.ts"
import { appendTo } from "../../src/repo/MemoryEvents.ts"
import { MemoryTables } from "../../src/repo/MemoryTables.ts"
import { chat, memoryServices } from "../chat/Servers.ts"
import { draft, memoryRepos, newPair, sendAll, sendOne } from "../repo/Repos.ts"
import { followersOf } from "../support/Followers.ts"
import { linesOf } from "../support/Logged.ts"

const services = InboxReader.layer.pipe(
  Layer.provideMerge(chat),
  Layer.provideMerge(Lifecycle.layer),
  Layer.provideMerge(memoryServices),
  Layer.provideMerge(memoryRepos),
  Layer.provideMerge(MemoryTables.layer)
)

/** Reads an inbox; the events are told by their numbers. */
const read = Effect.fnUntraced(function* (
  user: { readonly id: UserId },
  since: number,
  limit = 100,
  wait = 0
) {
  const { events, cursor, recovered } = yield* (yield* InboxReader).read(user.id, since, limit, wait)
  return { events: events.map(({ seq }) => seq), cursor, recovered }
})

const sendTen = (from: User, to: User) => sendAll(Array.from({ length: 10 }, () => draft(from, to)))

/** Starts to read with a wait, and goes on when the reader waits. */
const startWaiting = Effect.fnUntraced(function* (user: User, since: number, seconds: number) {
  const waiting = yield* Effect.forkChild(read(user, since, 100, seconds), { startImmediately: true })
  yield* followersOf(yield* Effect.context<LiveInboxes>(), user.id).pipe(
    Effect.tap(Effect.yieldNow),
    Effect.repeat({ until: (polls) => polls > 0 })
  )
  return waiting
})

layer(services)("InboxReader", (it) => {
  it.effect("an inbox is read in pages, each from where the last one ended", () =>
    Effect.gen(function* () {
      const { alice, bob } = yield* newPair
      yield* sendTen(alice, bob)

      assert.deepEqual(yield* read(bob, 0, 4), { events: [1, 2, 3, 4], cursor: 4, recovered: true })
      assert.deepEqual(yield* read(bob, 4, 4), { events: [5, 6, 7, 8], cursor: 8, recovered: true })
      assert.deepEqual(yield* read(bob, 8, 4), { events: [9, 10], cursor: 10, recovered: true })
      assert.deepEqual(yield* read(bob, 10, 4), { events: [], cursor: 10, recovered: true })
    })
  )

  it.effect("events that cannot be built are one line of the log for a page, and omitted ones in it", () =>
    Effect.gen(function* () {
      const { bob } = yield* newPair
      const tables = yield* MemoryTables
      const append = (type: string) =>
        appendTo(tables, bob.id, type, undefined, undefined, "2026-01-31T12:00:00.000Z")
      append("reaction")
      append("of_a_newer_release")

      const lines = yield* linesOf(read(bob, 0))

      assert.lengthOf(lines, 1)
      assert.include(
        lines[0],
        `Error 2 event(s) of the inbox of user ${bob.id} cannot be built, the first at 1 of type reaction`
      )
      assert.deepEqual(yield* read(bob, 0), { events: [1, 2], cursor: 2, recovered: true })
    })
  )

  it.effect("a read from beyond the head is not recovered, and told the head", () =>
    Effect.gen(function* () {
      const { alice, bob } = yield* newPair
      yield* sendTen(alice, bob)

      assert.deepEqual(yield* read(bob, 11), { events: [], cursor: 10, recovered: false })
      assert.deepEqual(yield* read(bob, 11, 100, 60), { events: [], cursor: 10, recovered: false })
    })
  )

  it.effect("a read from before what was pruned is not recovered, and told the head", () =>
    Effect.gen(function* () {
      const { alice, bob } = yield* newPair
      yield* sendTen(alice, bob)
      const future = DateTime.add(yield* DateTime.now, { hours: 1 })
      yield* InboxRepo.use((inboxes) =>
        Effect.repeat(inboxes.prune(future, 1000), { while: (deleted) => deleted > 0 })
      )
      yield* sendTen(alice, bob)

      assert.deepEqual(yield* read(bob, 9), { events: [], cursor: 20, recovered: false })
      assert.deepEqual(yield* read(bob, 0), { events: [], cursor: 20, recovered: false })
      assert.deepEqual(yield* read(bob, 10, 3), { events: [11, 12, 13], cursor: 13, recovered: true })
    })
  )

  it.effect("a user that does not exist has no inbox", () =>
    Effect.gen(function* () {
      for (const wait of [0, 60]) {
        const error = yield* Effect.flip(read({ id: UserId.make(MAX_USER_ID) }, 0, 100, wait))
        assert.strictEqual(error._tag, "UserNotFound")
      }
    })
  )

  it.effect("a read that waits is answered as soon as something is sent", () =>
    Effect.gen(function* () {
      const { alice, bob } = yield* newPair
      yield* sendTen(alice, bob)

      const waiting = yield* startWaiting(bob, 10, 60)
      yield* Sends.use((sends) => sends.send(draft(alice, bob)))

      assert.deepEqual(yield* Fiber.join(waiting), { events: [11], cursor: 11, recovered: true })
    })
  )

  it.effect("a read that waits is answered with what the bus lost when that is noticed", () =>
    Effect.gen(function* () {
      const { alice, bob } = yield* newPair

      const waiting = yield* startWaiting(bob, 0, 60)
      yield* sendOne(draft(alice, bob))
      yield* TestClock.adjust("10 seconds")

      assert.deepEqual(yield* Fiber.join(waiting), { events: [1], cursor: 1, recovered: true })
    })
  )

  it.effect("a read that waited in vain is answered with nothing", () =>
    Effect.gen(function* () {
      const { alice, bob } = yield* newPair
      yield* sendTen(alice, bob)

      const waiting = yield* startWaiting(bob, 10, 30)
      yield* TestClock.adjust("30 seconds")

      assert.deepEqual(yield* Fiber.join(waiting), { events: [], cursor: 10, recovered: true })
    })
  )

  it.effect("a read that has events does not wait", () =>
    Effect.gen(function* () {
      const { alice, bob } = yield* newPair
      yield* sendTen(alice, bob)

      assert.deepEqual((yield* read(bob, 8, 100, 60)).events, [9, 10])
    })
  )

  it.effect("an inbox stays open for two seconds after each read that might wait, whatever answered it", () =>
    Effect.gen(function* () {
      const { alice, bob } = yield* newPair
      const live = yield* LiveInboxes
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual(yield* live.size, 0)

      const served = yield* startWaiting(bob, 0, 60)
      yield* Sends.use((sends) => sends.send(draft(alice, bob)))
      yield* Fiber.join(served)
      assert.strictEqual(yield* live.size, 1)
      yield* TestClock.adjust("1900 millis")
      yield* read(bob, 0, 100, 60)
      yield* TestClock.adjust("1900 millis")
      assert.strictEqual(yield* live.size, 1)
      yield* TestClock.adjust("500 millis")
      assert.strictEqual(yield* live.size, 0)

      yield* read(bob, 0)
      assert.strictEqual(yield* live.size, 0)
    })
  )

  it.effect("nothing stays open after a read that was interrupted", () =>
    Effect.gen(function* () {
      const { bob } = yield* newPair
      const interrupted = yield* startWaiting(bob, 0, 60)
      yield* Fiber.interrupt(interrupted)
      assert.strictEqual(yield* LiveInboxes.use((live) => live.size), 0)
    })
  )

  // The last one: a node that drains never stops to.
  it.effect("a read waits no longer when the node drains", () =>
    Effect.gen(function* () {
      const { bob } = yield* newPair
      const waiting = yield* startWaiting(bob, 0, 60)

      yield* Lifecycle.use((lifecycle) => lifecycle.drain)

      assert.deepEqual(yield* Fiber.join(waiting), { events: [], cursor: 0, recovered: true })
      assert.deepEqual(yield* read(bob, 0, 100, 60), { events: [], cursor: 0, recovered: true })
    })
  )
})
