import cluster from "node:cluster"
import { setFlagsFromString } from "node:v8"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect, Layer } from "effect"
import { AppConfig } from "./AppConfig.ts"
import { enoughDescriptors } from "./observability/Descriptors.ts"
import * as Logging from "./observability/Logging.ts"
import * as Server from "./Server.ts"
import {
  drainOnOtherSignals,
  logDefects,
  logging,
  startErrors,
  teardown,
  warnOfUnknownSettings
} from "./Start.ts"
import { runWorkers, workerCount } from "./Workers.ts"

// Few objects outlive a request: one thread collects young garbage with less work than several that share it
// (bench/README.md has the figures).
setFlagsFromString("--no-parallel-scavenge")
// V8 allocates what outlived former collections in the old generation from the start, and whatever that refers to, there a whole
// request, stays until a full collection (bench/README.md, "What comments quote").
setFlagsFromString("--no-allocation-site-pretenuring")

Logging.outliveReaders()
drainOnOtherSignals()

const program = Effect.gen(function* () {
  yield* enoughDescriptors
  if (cluster.isPrimary) yield* warnOfUnknownSettings
  const count = yield* workerCount
  if (count > 1 && cluster.isPrimary) return yield* runWorkers(count)
  return yield* Layer.launch(Server.layer)
})

program.pipe(
  Effect.onInterrupt(() => Effect.logInfo("Mini Chat stopped")),
  logDefects,
  Effect.provide(logging.pipe(Layer.provideMerge(AppConfig.layer))),
  startErrors,
  NodeRuntime.runMain({ disableErrorReporting: true, teardown })
)
