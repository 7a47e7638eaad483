import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Effect, Layer, Option, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { AppConfig } from "../src/AppConfig.ts"
import { Database } from "../src/database/Database.ts"
import { DatabaseStartError } from "../src/database/DatabaseStartError.ts"
import type { Unavailable } from "../src/domain/Unavailable.ts"
import * as Logging from "../src/observability/Logging.ts"
import { type DeadLetter, WebhookRepo } from "../src/repo/WebhookRepo.ts"
import { startErrors } from "../src/Start.ts"

/** The command was not given what it needs; the message says what. */
class Refused extends Schema.TaggedError<Refused>()("Refused", { message: Schema.String }) {}

const services = WebhookRepo.layer.pipe(
  Layer.provide(Database.layer),
  Layer.provide(NodeServices.layer),
  Layer.provideMerge(Logging.layer),
  Layer.provideMerge(AppConfig.layer)
)

const withRepo = <A>(program: Effect.Effect<A, Unavailable, WebhookRepo>) =>
  program.pipe(
    Effect.catchTag("Unavailable", ({ cause }) =>
      Effect.fail(new DatabaseStartError({ message: "The database did not answer. Try again", cause }))
    ),
    Effect.provide(services),
    startErrors
  )

const lineOf = ({ webhook_id, type, happened_at, died_at, attempts, reason, location }: DeadLetter) =>
  [
    `msg_${webhook_id}`,
    type,
    happened_at.toISOString(),
    died_at.toISOString(),
    attempts,
    reason,
    location
  ].join("\t")

const list = Command.make(
  "list",
  {
    limit: Flag.Int("limit").pipe(Flag.withDescription("The most lines"), Flag.withDefault(100))
  },
  Effect.fnUntraced(function* ({ limit }) {
    if (limit < 1 || limit > 10_000) return yield* new Refused({ message: "--limit must be from 1 to 10000" })
    const letters = yield* withRepo(WebhookRepo.use((repo) => repo.deadLetters(limit)))
    for (const letter of letters) yield* Console.log(lineOf(letter))
  })
).pipe(
  Command.withDescription(
    "Lists the events that were given up, the oldest first: id, type, when it happened, when it was given up, attempts, reason, URL"
  )
)

const UUID = /^(?:msg_)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i

const retry = Command.make(
  "retry",
  {
    id: Argument.String("id").pipe(
      Argument.withDescription("The id of an event, as list shows it"),
      Argument.optional
    ),
    all: Flag.Boolean("all").pipe(
      Flag.withDescription("Every event that was given up"),
      Flag.withDefault(false)
    )
  },
  Effect.fnUntraced(function* ({ id, all }) {
    if (Option.isSome(id) === all) return yield* new Refused({ message: "Name one id, or --all" })
    const uuid = Option.map(id, (text) => UUID.exec(text)?.[1])
    if (Option.isSome(uuid) && uuid.value === undefined) {
      return yield* new Refused({ message: "The id must look like msg_… as `list` shows it" })
    }
    const retried = yield* withRepo(
      WebhookRepo.use((repo) => repo.retry(Option.getOrUndefined(uuid)?.toLowerCase()))
    )
    if (retried === 0 && !all)
      return yield* new Refused({
        message: "No event with this id was given up, or it is older than 30 days"
      })
    yield* Console.log(`${retried} to be sent again`)
  })
).pipe(Command.withDescription("Sends events again that were given up"))

/** Lists dead letters of webhooks, and sends them again. */
export const webhooksCommand = Command.make("webhooks").pipe(
  Command.withDescription("The webhook events that were given up"),
  Command.withSubcommands([list, retry])
)
