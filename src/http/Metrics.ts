import cluster from "node:cluster"
import { Effect, Option } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { PrometheusMetrics } from "effect/observability"
import { Paths } from "../api/Paths.ts"
import * as WorkerMetrics from "../observability/WorkerMetrics.ts"

/** `GET /metrics`, in the text format of Prometheus: of this process, or of all workers where there are some. */
export const layer = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const context = yield* Effect.context<never>()
    const own = () => PrometheusMetrics.formatUnsafe(context)
    if (cluster.isWorker) yield* WorkerMetrics.offer(own)
    const text = cluster.isWorker ? Effect.map(WorkerMetrics.ofAll, Option.getOrElse(own)) : Effect.sync(own)

    yield* router.add(
      "GET",
      Paths.metrics,
      Effect.map(text, (body) =>
        HttpServerResponse.text(body, { contentType: "text/plain; version=0.0.4; charset=utf-8" })
      )
    )
  })
)
