import { NodeRuntime } from "@effect/platform-node"
import { Layer } from "effect"
import { AppConfig } from "./AppConfig.ts"
import * as Logging from "./observability/Logging.ts"
import * as Server from "./Server.ts"
import { startErrors, teardown } from "./Start.ts"

Layer.launch(Server.layer.pipe(Layer.provide(Logging.layer), Layer.provide(AppConfig.layer))).pipe(
  startErrors,
  NodeRuntime.runMain({ disableErrorReporting: true, teardown })
)
