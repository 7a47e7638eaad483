import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Effect } from "effect"
import { Command } from "effect/cli"
import { VERSION } from "../src/domain/Version.ts"
import { teardown } from "../src/Start.ts"
import { webhooksCommand } from "./WebhooksCommand.ts"

webhooksCommand.pipe(
  Command.run({ version: VERSION }),
  Effect.tapErrorTag("Refused", ({ message }) => Console.error(message)),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain({ disableErrorReporting: true, teardown })
)
