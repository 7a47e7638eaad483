import { assert, it } from "@effect/vitest"
import { type DateTime, Duration, Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import type { User } from "../../src/domain/User.ts"
import * as Pruner from "../../src/inbox/Pruner.ts"
import { InboxRepo } from "../../src/repo/InboxRepo.ts"
import { draft, memoryRepos, newPair, sendAll } from "../repo/Repos.ts"
import { settings } from "../support/Services.ts"

/** Inboxes whose pruning is counted, and fails as often as the test says. */
const watchedRepos = (watch: { readonly batches: Array<number>; failures: number }) =>
  Layer.effect(
    InboxRepo,
    Effect.map(InboxRepo, (repo) => ({
      ...repo,
      prune: (olderThan: DateTime.Utc, limit: number) =>
        Effect.suspend(() => {
          if (watch.failures > 0) {
            watch.failures--
            return Effect.die("broken")
          }
          return Effect.tap(repo.prune(olderThan, limit), (deleted) =>
            Effect.sync(() => watch.batches.push(deleted))
          )
        })
    }))
  ).pipe(Layer.provideMerge(memoryRepos))

const hourOfRetention = settings({ inboxRetention: Duration.hours(1) })

const eventsOf = Effect.fnUntraced(function* (user: User) {
  return (yield* (yield* InboxRepo).page(user.id, 0, 10_000, [])).length
})

const sendMany = (from: User, to: User, count: number) =>
  sendAll(Array.from({ length: count }, () => draft(from, to)))

it.effect("events are kept for the retention, then pruned in batches of 500", () => {
  const watch = { batches: [] as Array<number>, failures: 0 }
  return Effect.gen(function* () {
    const { alice, bob } = yield* newPair
    yield* sendMany(alice, bob, 600)
    yield* TestClock.adjust("30 minutes")
    yield* sendMany(alice, bob, 10)
    yield* Layer.build(Layer.provide(Pruner.layer, hourOfRetention))

    yield* TestClock.adjust("29 minutes")
    assert.strictEqual(yield* eventsOf(bob), 610)
    watch.batches.length = 0

    yield* TestClock.adjust("3 minutes")
    assert.deepEqual(
      watch.batches.filter((deleted) => deleted > 0),
      [500, 500, 200]
    )
    assert.strictEqual(yield* eventsOf(bob), 10)
    assert.include(yield* InboxRepo.use((inboxes) => inboxes.find(bob.id)), { head: 610, pruned: 600 })

    yield* TestClock.adjust("30 minutes")
    assert.strictEqual(yield* eventsOf(bob), 0)
  }).pipe(Effect.provide(watchedRepos(watch)))
})

it.effect("a prune that failed is made again a minute later", () => {
  const watch = { batches: [] as Array<number>, failures: 0 }
  return Effect.gen(function* () {
    const { alice, bob } = yield* newPair
    yield* sendMany(alice, bob, 10)
    yield* Layer.build(Layer.provide(Pruner.layer, hourOfRetention))
    yield* TestClock.adjust("1 hour")
    watch.failures = 2

    yield* TestClock.adjust("2 minutes")
    assert.strictEqual(watch.failures, 0)
    assert.strictEqual(yield* eventsOf(bob), 10)
    yield* TestClock.adjust("1 minute")
    assert.strictEqual(yield* eventsOf(bob), 0)
  }).pipe(Effect.provide(watchedRepos(watch)))
})
