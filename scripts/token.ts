import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Effect } from "effect"
import { Command } from "effect/cli"
import { tokenCommand } from "./TokenCommand.ts"

tokenCommand.pipe(
  Command.run({ version: "1.0.0" }),
  Effect.tapErrorTag("Refused", ({ message }) => Console.error(message)),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
