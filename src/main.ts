import cluster from "node:cluster"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect, Layer } from "effect"
import { AppConfig } from "./AppConfig.ts"
import * as Logging from "./observability/Logging.ts"
import * as Server from "./Server.ts"
import { startErrors, teardown } from "./Start.ts"
import { runWorkers, workerCount } from "./Workers.ts"

const program = Effect.gen(function* () {
  const count = yield* workerCount
  if (count > 1 && cluster.isPrimary) return yield* runWorkers(count)
  return yield* Layer.launch(Server.layer)
})

program.pipe(
  Effect.provide(Logging.layer.pipe(Layer.provideMerge(AppConfig.layer))),
  startErrors,
  NodeRuntime.runMain({ disableErrorReporting: true, teardown })
)
