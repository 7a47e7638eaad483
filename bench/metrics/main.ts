import { Context, Effect, Metric } from "effect"
import { layer, Metrics } from "../../src/observability/Metrics.ts"

/**
 * What counting costs a send: all that is counted for one POST and for the delivery of its message, over and
 * over, without the rest of the server. To be read next to the server's CPU for a send, which the bench prints.
 */
const SENDS = 300_000
const ROUNDS = 5

const once = (metrics: Metrics, startedAt: number, committedAt: number): void => {
  metrics.sendBatch(32)
  metrics.send("sent")
  metrics.request("/messages/", "POST", 200, startedAt)
  metrics.delivery()
  metrics.deliveryLag(committedAt)
}

const program = Effect.gen(function* () {
  const metrics = yield* Metrics
  const times: Array<number> = []
  for (let round = 0; round <= ROUNDS; round++) {
    const startedAt = performance.now()
    const committedAt = Date.now()
    for (let n = 0; n < SENDS; n++) once(metrics, startedAt, committedAt)
    if (round > 0) times.push(performance.now() - startedAt)
  }
  const best = Math.min(...times)
  console.log(`${((best / SENDS) * 1000).toFixed(2)} µs a send, the best of ${ROUNDS} rounds`)
})

Effect.runSync(
  Effect.scoped(Effect.provide(program, layer({ node: "bench", version: "0", closeCodes: [] }))).pipe(
    Effect.provideContext(Context.make(Metric.MetricRegistry, new Map()))
  )
)
