import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { shared } from "../../src/observability/Once.ts"

it.effect("what is shared runs once for all who ask meanwhile, also when the first of them hangs up", () =>
  Effect.gen(function* () {
    const [begun, end] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
    let runs = 0
    const ask = shared(
      Effect.gen(function* () {
        runs++
        yield* Deferred.succeed(begun, undefined)
        yield* Deferred.await(end)
        return runs
      })
    )
    const first = yield* Effect.forkChild(ask)
    yield* Deferred.await(begun)
    const others = yield* Effect.forkChild(Effect.all([ask, ask, ask], { concurrency: "unbounded" }), {
      startImmediately: true
    })
    yield* Fiber.interrupt(first)
    yield* Deferred.succeed(end, undefined)
    assert.deepEqual(yield* Fiber.join(others), [1, 1, 1])
    assert.strictEqual(yield* ask, 2)
  })
)
