import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Effect, Layer } from "effect"
import { Command, Flag } from "effect/cli"
import { AppConfig } from "../src/AppConfig.ts"
import { Database } from "../src/database/Database.ts"
import * as DatabaseEpoch from "../src/database/DatabaseEpoch.ts"
import { DatabaseStartError } from "../src/database/DatabaseStartError.ts"
import { VERSION } from "../src/domain/Version.ts"
import { Epoch } from "../src/Epoch.ts"
import { logging, startErrors, teardown } from "../src/Start.ts"

const services = DatabaseEpoch.layer.pipe(
  Layer.provide(Database.layer),
  Layer.provide(NodeServices.layer),
  Layer.provideMerge(logging),
  Layer.provideMerge(AppConfig.layer)
)

const print = Effect.fnUntraced(
  function* (beginsNew: boolean) {
    const epoch = yield* Epoch
    if (beginsNew) yield* epoch.renew(epoch.current())
    yield* Console.log(epoch.current())
  },
  Effect.catchTag("Unavailable", ({ cause }) =>
    Effect.fail(new DatabaseStartError({ message: "The database did not answer. Try again", cause }))
  ),
  Effect.provide(services),
  startErrors
)

/** Prints the epoch of the database, or begins a new one: to be done after the files of an older state were copied back. */
const epochCommand = Command.make(
  "epoch",
  {
    new: Flag.Boolean("new").pipe(
      Flag.withDescription("Begin a new epoch: every client loads anew"),
      Flag.withDefault(false)
    )
  },
  (flags) => print(flags.new)
)

epochCommand.pipe(
  Command.run({ version: VERSION }),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain({ disableErrorReporting: true, teardown })
)
