import { assert, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { TestClock } from "effect/testing"
import { UserId } from "../../src/domain/User.ts"
import * as PollGrace from "../../src/inbox/PollGrace.ts"

/** Keeps scopes, and notes which were closed. */
const keeping = Effect.gen(function* () {
  const outer = yield* Scope.make()
  const keep = yield* Scope.provide(PollGrace.make, outer)
  const closed: Array<string> = []
  const add = Effect.fnUntraced(function* (userId: number, name = String(userId)) {
    const scope = yield* Scope.make()
    yield* Scope.addFinalizer(
      scope,
      Effect.sync(() => void closed.push(name))
    )
    yield* keep(UserId.make(userId), scope)
  })
  return { add, closed, close: Scope.close(outer, Exit.void) }
})

it.effect(
  "the scope of a user is closed when a later one takes its place, when its time is over, and with all",
  () =>
    Effect.gen(function* () {
      const { add, closed, close } = yield* keeping
      yield* add(1, "first")
      yield* TestClock.adjust("1500 millis")
      yield* add(1, "second")
      yield* add(2, "other")
      assert.deepEqual(closed, ["first"])

      yield* TestClock.adjust("1500 millis")
      assert.deepEqual(closed, ["first"])
      yield* TestClock.adjust("1 second")
      assert.deepEqual(closed, ["first", "second", "other"])

      yield* add(3, "last")
      yield* close
      assert.deepEqual(closed, ["first", "second", "other", "last"])
    })
)

it.effect("of more than 20,000 users the one that polled longest ago is kept no longer", () =>
  Effect.gen(function* () {
    const { add, closed } = yield* keeping
    for (let userId = 1; userId <= 20_000; userId++) yield* add(userId)
    yield* add(1, "again")
    assert.deepEqual(closed, ["1"])
    yield* add(20_001)
    assert.deepEqual(closed, ["1", "2"])
  })
)

it.effect("a scope that takes the place of another while that one ends is closed in its time", () =>
  Effect.gen(function* () {
    const outer = yield* Scope.make()
    const keep = yield* Scope.provide(PollGrace.make, outer)
    const closed: Array<string> = []
    const closing = (name: string, then: Effect.Effect<void> = Effect.void) =>
      Effect.tap(Scope.make(), (scope) =>
        Scope.addFinalizer(
          scope,
          Effect.andThen(
            Effect.sync(() => void closed.push(name)),
            then
          )
        )
      )
    const [one, two] = [UserId.make(1), UserId.make(2)]
    const later = yield* closing("later")
    yield* keep(one, yield* closing("first", keep(two, later)))
    yield* keep(two, yield* closing("second"))

    yield* TestClock.adjust("2250 millis")
    assert.deepEqual(closed, ["first", "second"])
    yield* TestClock.adjust("2250 millis")
    assert.deepEqual(closed, ["first", "second", "later"])
  })
)
