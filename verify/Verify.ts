import { Effect, Random, type Redacted, Runtime, Schedule, Schema } from "effect"
import * as ChatClient from "./ChatClient.ts"
import * as EventPages from "./EventPages.ts"
import * as History from "./History.ts"
import * as Latency from "./Latency.ts"
import { inWords } from "./Outgoing.ts"
import * as Plan from "./Plan.ts"
import type { Report } from "./Report.ts"
import { Rest } from "./Rest.ts"
import { settle } from "./Settle.ts"
import * as Traffic from "./Traffic.ts"

export interface Options {
  readonly urls: ReadonlyArray<string>
  readonly users: number
  readonly messages: number
  readonly seed: number
  readonly token?: Redacted.Redacted
}

/** There is nothing to verify: a node does not answer, or not as Mini Chat does. */
export class NotServing extends Schema.TaggedError<NotServing>()("NotServing", {
  url: Schema.String,
  reason: Schema.String
}) {
  override readonly [Runtime.errorExitCode] = 2
  override readonly [Runtime.errorReported] = false
}

/** The run found something wrong; the report says what. */
export class Unsound extends Schema.TaggedError<Unsound>()("Unsound", {}) {
  override readonly [Runtime.errorExitCode] = 1
  override readonly [Runtime.errorReported] = false
}

const SETTLE_WITHIN = "30 seconds"

const reach = Effect.fn("Verify.reach")(function* (url: string) {
  const rest = yield* Rest
  const status = yield* rest
    .health(url)
    .pipe(Effect.mapError(({ reason }) => new NotServing({ url, reason: `does not answer (${reason})` })))
  if (status !== 200) return yield* new NotServing({ url, reason: `GET /health answers ${status}` })
})

const enroll = Effect.fn("Verify.enroll")(function* (options: Options, name: string) {
  const rest = yield* Rest
  const url = options.urls[0]!
  return yield* Effect.forEach(
    Array.from({ length: options.users }, (_, index) => `${name}u${index}`),
    (username) =>
      rest.createUser(url, username).pipe(
        Effect.retry({
          schedule: Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("2 seconds")]),
          times: 10,
          while: (error) => error._tag === "Unanswered"
        }),
        Effect.mapError((error) => new NotServing({ url, reason: `POST /users/ fails (${inWords(error)})` }))
      ),
    { concurrency: 16 }
  )
})

const connect = Effect.fn("Verify.connect")(function* (options: Options, userId: number, index: number) {
  const { token, urls } = options
  const client = yield* ChatClient.make({
    userId,
    urls,
    firstUrl: index % urls.length,
    ...(token && { token })
  })
  yield* client.live.pipe(
    Effect.timeout("15 seconds"),
    Effect.mapError(() => {
      const ending = client.visits.findLast((visit) => visit.ending !== undefined)?.ending
      return new NotServing({
        url: urls[index % urls.length]!,
        reason: `the socket does not open (${ending?.code ?? "no answer"} ${ending?.reason ?? ""})`
      })
    })
  )
  return client
})

/** Puts a running deployment to the test with users of its own, which stay behind. Takes nothing down. */
export const verify = Effect.fn("Verify.verify")(function* (options: Options) {
  const startedAt = performance.now()
  const { urls } = options
  yield* Effect.forEach(urls, reach, { discard: true })
  const nonce = yield* Random.nextIntBetween(0, 2 ** 40)
  const name = `verify${nonce.toString(36)}`
  const users = yield* enroll(options, name)
  const clients = yield* Effect.forEach(users, ({ id }, index) => connect(options, id, index), {
    concurrency: 16
  })

  const plan = yield* Plan.make({ ...options, nodes: urls.length }, options.seed)
  const traffic = yield* Traffic.run({ urls, clients, plan, name })
  yield* settle(traffic.sends, clients, SETTLE_WITHIN)
  const poll = yield* EventPages.longPoll({
    urls,
    from: clients[0]!,
    to: clients[1]!,
    clientId: `${name}-poll`
  })
  const sends = [...traffic.sends, poll.send]
  const tally = yield* settle(sends, clients, SETTLE_WITHIN)

  const unread = clients.flatMap((client) => client.unreadable.map((frame) => `unreadable frame ${frame}`))
  const unrecovered = clients.flatMap((client) =>
    client.visits.some((visit) => visit.unrecovered) ? [`user ${client.userId} could not be resumed`] : []
  )
  const inboxes = clients.map((client) => client.inbox())
  const report: Report = {
    urls,
    seed: options.seed,
    users: options.users,
    seconds: Math.round((performance.now() - startedAt) / 1_000),
    tally,
    unanswered: tally.sent - tally.acknowledged - tally.refused,
    reconnects: clients.reduce((sum, client) => sum + client.visits.length - 1, 0),
    disagreements: [
      ...traffic.findings,
      ...poll.findings,
      ...unread,
      ...unrecovered,
      ...(yield* EventPages.compare(urls, clients)),
      ...(yield* History.compare(urls, clients, sends))
    ],
    acknowledgement: Latency.summarize(Latency.ofAcknowledgements(sends)),
    delivery: Latency.summarize(Latency.deliveries(sends, inboxes).map(({ took }) => took))
  }
  return report
})
