import cluster from "node:cluster"
import { Effect, Option } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { PrometheusMetrics } from "effect/observability"
import { Paths } from "../api/Paths.ts"
import { shared } from "../observability/Once.ts"
import * as WorkerMetrics from "../observability/WorkerMetrics.ts"
import { Answers } from "./Answers.ts"
import { limitPublicPath } from "./PublicPath.ts"

/** About the size of the text of one process. In bytes. All who read it share the room of one owner. */
const TEXT_BYTES = 64 * 1024

/** `GET /metrics`, in the text format of Prometheus: of this process, or of all workers where there are some. */
export const layer = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const context = yield* Effect.context<never>()
    const own = () => PrometheusMetrics.formatUnsafe(context)
    if (cluster.isWorker) yield* WorkerMetrics.offer(own)
    const limited = yield* limitPublicPath
    const answers = yield* Answers
    const ofAll = shared(Effect.map(WorkerMetrics.ofAll, (text) => Option.getOrElse(text, own)))
    const text = cluster.isWorker ? ofAll : Effect.sync(own)

    yield* router.add(
      "GET",
      Paths.metrics,
      limited(
        Effect.map(Effect.andThen(answers.reserve(TEXT_BYTES, "metrics"), text), (body) =>
          HttpServerResponse.text(body, { contentType: "text/plain; version=0.0.4; charset=utf-8" })
        )
      )
    )
  })
)
