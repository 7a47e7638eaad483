import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Effect, Layer, Option, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { AppConfig } from "../src/AppConfig.ts"
import { Database } from "../src/database/Database.ts"
import { DatabaseStartError } from "../src/database/DatabaseStartError.ts"
import type { Unavailable } from "../src/domain/Unavailable.ts"
import { type DeadLetter, type ServedEndpoint, WebhookRepo } from "../src/repo/WebhookRepo.ts"
import { logging, startErrors } from "../src/Start.ts"
import { toTarget } from "../src/webhooks/WebhookTargets.ts"

/** The command was not given what it needs; the message says what. */
class Refused extends Schema.TaggedError<Refused>()("Refused", { message: Schema.String }) {}

const services = WebhookRepo.layer.pipe(
  Layer.provide(Database.layer),
  Layer.provide(NodeServices.layer),
  Layer.provideMerge(logging),
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

const shown = (served: ReadonlyArray<ServedEndpoint>) => served.map(({ location }) => location).join(", ")

/** The endpoint that gets the letters whose own URL no node serves: that of `--to`, or else the only one. */
const targetOf = (served: ReadonlyArray<ServedEndpoint>, to: string | undefined) => {
  if (to === undefined) return served.length === 1 ? served[0] : undefined
  const hash = URL.canParse(to) ? toTarget(new URL(to).href).hash : undefined
  return served.find(({ urlHash }) => urlHash === hash)
}

/** Why `count` letters stay, and what to do. */
const refusalOf = (count: number, served: ReadonlyArray<ServedEndpoint>) =>
  `${count} stay dead letters, because no node serves their URL. ${
    served.length === 0
      ? "Start the server with WEBHOOK_URL, then retry"
      : `Add --to and the URL that they are to go to, with its query: ${shown(served)}`
  }`

/** Sends letters again. Answers how many, and a refusal when some stay. */
const sendAgain = Effect.fnUntraced(function* (webhookId: string | undefined, to: string | undefined) {
  const repo = yield* WebhookRepo
  const served = yield* repo.served
  const target = targetOf(served, to)
  if (to !== undefined && target === undefined) {
    return {
      retried: 0,
      refusal: `--to must be a whole URL, with its query, of the WEBHOOK_URL of a running node: ${shown(served) || "none has one"}`
    }
  }
  const retried = yield* repo.retry(webhookId, target?.urlHash)
  const staying = target === undefined ? yield* repo.unservedLetters(webhookId) : 0
  return { retried, refusal: staying === 0 ? undefined : refusalOf(staying, served) }
})

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
    ),
    to: Flag.String("to").pipe(
      Flag.withDescription(
        "Which URL of WEBHOOK_URL gets the events whose own URL no node serves; needed with several URLs only"
      ),
      Flag.optional
    )
  },
  Effect.fnUntraced(function* ({ id, all, to }) {
    if (Option.isSome(id) === all) return yield* new Refused({ message: "Name one id, or --all" })
    const uuid = Option.map(id, (text) => UUID.exec(text)?.[1])
    if (Option.isSome(uuid) && uuid.value === undefined) {
      return yield* new Refused({ message: "The id must look like msg_… as `list` shows it" })
    }
    const { retried, refusal } = yield* withRepo(
      sendAgain(Option.getOrUndefined(uuid)?.toLowerCase(), Option.getOrUndefined(to))
    )
    if (retried === 0 && refusal === undefined && !all)
      return yield* new Refused({
        message: "No event with this id was given up, or it is older than 30 days"
      })
    if (retried > 0 || refusal === undefined) yield* Console.log(`${retried} to be sent again`)
    if (refusal !== undefined) return yield* new Refused({ message: refusal })
  })
).pipe(Command.withDescription("Sends events again that were given up"))

/** Lists dead letters of webhooks, and sends them again. */
export const webhooksCommand = Command.make("webhooks").pipe(
  Command.withDescription("The webhook events that were given up"),
  Command.withSubcommands([list, retry])
)
