import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Config, Console, Effect, Option, Random, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import * as Progress from "./Progress.ts"
import * as Report from "./Report.ts"
import { Rest } from "./Rest.ts"
import { Unsound, verify } from "./Verify.ts"

const BaseUrl = Schema.String.check(
  Schema.isPattern(/^https?:\/\/[^/]/, { message: "expected an http:// or https:// address" })
)
const atLeast = (minimum: number) => Schema.Int.check(Schema.isGreaterThanOrEqualTo(minimum))

const flags = {
  url: Flag.String("url").pipe(
    Flag.withDescription("Base address of a node; repeat it for each node or balancer"),
    Flag.withSchema(BaseUrl),
    Flag.atLeast(1)
  ),
  users: Flag.Int("users").pipe(
    Flag.withDescription("Users to make, each with a socket"),
    Flag.withSchema(atLeast(2)),
    Flag.withDefault(20)
  ),
  messages: Flag.Int("messages").pipe(
    Flag.withDescription("Messages to send"),
    Flag.withSchema(atLeast(1)),
    Flag.withDefault(2_000)
  ),
  seed: Flag.Int("seed").pipe(Flag.withDescription("Repeats the choices of an earlier run"), Flag.optional),
  token: Flag.Redacted("token").pipe(
    Flag.withDescription("A token with scope service, for AUTH=required; also taken from VERIFY_TOKEN"),
    Flag.withFallbackConfig(Config.Redacted("VERIFY_TOKEN")),
    Flag.optional
  ),
  json: Flag.Boolean("json").pipe(Flag.withDescription("Print the report as JSON"), Flag.withDefault(false))
}

const command = Command.make("verify", flags, (input) =>
  Effect.gen(function* () {
    // On standard error: standard output is the report's alone.
    const progress = Progress.to(process.stderr)
    const seed = yield* Option.match(input.seed, {
      onNone: () => Random.nextIntBetween(1, 2 ** 31),
      onSome: Effect.succeed
    })
    const report = yield* verify({
      urls: input.url,
      users: input.users,
      messages: input.messages,
      seed,
      ...(Option.isSome(input.token) && { token: input.token.value })
    }).pipe(
      Effect.ensuring(Effect.sync(progress.clear)),
      Effect.provideService(Progress.Progress, progress),
      Effect.provide(Rest.layer(input.token)),
      Effect.tapErrorTag("NotServing", ({ reason, url }) => Console.error(`${url} ${reason}`))
    )
    yield* Console.log(input.json ? JSON.stringify(report, null, 2) : Report.toText(report))
    if (!Report.isSound(report)) return yield* new Unsound()
  })
).pipe(
  Command.withDescription(
    "Sends messages to users and to groups through a running deployment, edits, deletes, reacts, reads, and changes who is in a group, cutting and resuming connections, and checks that nothing is lost, repeated or reordered. Exit code 1 when something is, 2 when there is nothing to check. The users that it makes, whose names begin with verify, are erased at the end, unless something is wrong or the deployment refuses."
  )
)

command.pipe(
  Command.run({ version: "1.0.0" }),
  Effect.provide([NodeServices.layer, NodeHttpClient.layerUndici]),
  NodeRuntime.runMain
)
