import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { FrameBudgets, type FrameSource } from "../../src/access/FrameBudgets.ts"
import { UserId } from "../../src/domain/User.ts"
import { until } from "../support/Until.ts"

const [ALICE, BOB] = [UserId.make(1), UserId.make(2)]

/** More frames than a user may send at once. */
const FLOOD = 6000

class Source implements FrameSource {
  isPaused = false
  pauses = 0
  pauseReading() {
    this.isPaused = true
    this.pauses++
  }
  resumeReading() {
    this.isPaused = false
  }
}

const budgets = Layer.fresh(FrameBudgets.layer)

/** A budget of a user that a socket has joined. */
const joined = (userId: UserId) =>
  Effect.map(FrameBudgets, ({ of }) => {
    const budget = of(userId)
    budget.join()
    return budget
  })

const take = (budget: { take(source: FrameSource): void }, source: FrameSource, frames: number) => {
  for (let i = 0; i < frames; i++) budget.take(source)
}

describe("the budget of a user's frames", () => {
  it.live("lets thousands at once pass, and stops the socket that goes beyond, once", () =>
    Effect.gen(function* () {
      const budget = yield* joined(ALICE)
      const source = new Source()
      take(budget, source, 5000)
      assert.isFalse(source.isPaused)
      take(budget, source, 1000)
      assert.strictEqual(source.pauses, 1)
    }).pipe(Effect.provide(budgets))
  )

  it.live("is one for all its sockets, and no other user's", () =>
    Effect.gen(function* () {
      const [flooding, second, other] = [new Source(), new Source(), new Source()]
      take(yield* joined(ALICE), flooding, FLOOD)
      take(yield* joined(ALICE), second, 1)
      take(yield* joined(BOB), other, 5000)
      assert.deepEqual(
        [flooding, second, other].map(({ isPaused }) => isPaused),
        [true, true, false]
      )
    }).pipe(Effect.provide(budgets))
  )

  it.live("is a debt that outlives the socket that made it", () =>
    Effect.gen(function* () {
      const [first, second] = [new Source(), new Source()]
      const budget = yield* joined(ALICE)
      take(budget, first, FLOOD)
      budget.leave(first)
      take(yield* joined(ALICE), second, 1)
      assert.isTrue(second.isPaused)
    }).pipe(Effect.provide(budgets))
  )

  it.live("is not filled by a reconnect", () =>
    Effect.gen(function* () {
      const [first, second] = [new Source(), new Source()]
      const budget = yield* joined(ALICE)
      take(budget, first, 4999)
      budget.leave(first)
      take(yield* joined(ALICE), second, 4999)
      assert.isFalse(first.isPaused)
      assert.isTrue(second.isPaused)
    }).pipe(Effect.provide(budgets))
  )

  it.live("lets the sockets read again when the debt is paid, but those that left", () =>
    Effect.gen(function* () {
      const [first, second] = [new Source(), new Source()]
      const budget = yield* joined(ALICE)
      budget.join()
      while (!first.isPaused) take(budget, first, 1)
      take(budget, second, 1)
      budget.leave(first)
      yield* until(Effect.sync(() => !second.isPaused))
      assert.isTrue(first.isPaused)
    }).pipe(Effect.provide(budgets))
  )

  it.live("is remembered as long as a socket has joined it, or it is not full", () =>
    Effect.gen(function* () {
      const { of } = yield* FrameBudgets
      const source = new Source()
      // A socket that ended before it joined leaves nothing behind.
      assert.notStrictEqual(of(ALICE), of(ALICE))
      const budget = yield* joined(ALICE)
      assert.strictEqual(of(ALICE), budget)
      budget.leave(source)
      assert.notStrictEqual(of(ALICE), budget)

      const used = yield* joined(BOB)
      take(used, source, 500)
      used.leave(source)
      assert.strictEqual(of(BOB), used)
      yield* until(Effect.sync(() => of(BOB) !== used))
    }).pipe(Effect.provide(budgets))
  )
})
