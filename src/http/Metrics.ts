import cluster from "node:cluster"
import { Effect, Option } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { PrometheusMetrics } from "effect/observability"
import * as WorkerMetrics from "../observability/WorkerMetrics.ts"
import { Answers } from "./Answers.ts"
import { limitStrangers } from "./PublicPath.ts"

/** All who ask within this time are answered with what the workers counted at one moment. */
const GATHERED_EVERY = "250 millis"

/** About what the text of one process takes. All who read it share the room of one owner. */
const TEXT_BYTES = 64 * 1024

/** `GET /metrics`, in the text format of Prometheus: of this process, or of all workers where there are some. */
export const layer = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const context = yield* Effect.context<never>()
    const own = () => PrometheusMetrics.formatUnsafe(context)
    if (cluster.isWorker) yield* WorkerMetrics.offer(own)
    const limited = yield* limitStrangers
    const answers = yield* Answers
    // Uninterruptible: who asks first may hang up while others wait for the same text.
    const ofAll = yield* Effect.map(WorkerMetrics.ofAll, Option.getOrElse(own)).pipe(
      Effect.uninterruptible,
      Effect.cachedWithTTL(GATHERED_EVERY)
    )
    const text = cluster.isWorker ? ofAll : Effect.sync(own)

    yield* router.add(
      "GET",
      "/metrics",
      limited(
        Effect.map(Effect.andThen(answers.reserve(TEXT_BYTES, "metrics"), text), (body) =>
          HttpServerResponse.text(body, { contentType: "text/plain; version=0.0.4; charset=utf-8" })
        )
      )
    )
  })
)
