import { Effect, Metric } from "effect"

/** Runs an effect and answers how many of the fibers that it started, or that come of it, have not ended. */
export const countingFibers = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  let active = 0
  const result = yield* Effect.provideService(effect, Metric.FiberRuntimeMetrics, {
    recordFiberStart: () => active++,
    recordFiberEnd: () => active--
  })
  return [result, Effect.sync(() => active)] as const
})
