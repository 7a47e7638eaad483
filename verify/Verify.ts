import { type Duration, Effect, Random, type Redacted, Runtime, Schema } from "effect"
import * as ChatClient from "./ChatClient.ts"
import * as Conversations from "./Conversations.ts"
import { disagreements } from "./Disagreements.ts"
import * as Erasure from "./Erasure.ts"
import * as Latency from "./Latency.ts"
import * as LongPoll from "./LongPoll.ts"
import * as Memberships from "./Memberships.ts"
import { inWords, type Refused, type Unanswered } from "./Outgoing.ts"
import * as Plan from "./Plan.ts"
import * as Progress from "./Progress.ts"
import { isSound, type Report } from "./Report.ts"
import { Rest } from "./Rest.ts"
import { onAnyNode, untilAnswered } from "./Retry.ts"
import { settle } from "./Settle.ts"
import * as Traffic from "./Traffic.ts"

export interface Options {
  readonly urls: ReadonlyArray<string>
  readonly users: number
  readonly messages: number
  readonly seed: number
  readonly token?: Redacted.Redacted
  /** How long to wait for what is missing before it counts as lost: 30 seconds, unless it says otherwise. */
  readonly settleWithin?: Duration.Input
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

/** How long a node may take to answer first: about as long as one that is being restarted. */
const REACH_WITHIN = "10 seconds"

const reach = Effect.fn("Verify.reach")(function* (url: string) {
  const rest = yield* Rest
  const status = yield* rest.health(url).pipe(
    Effect.retry(untilAnswered(REACH_WITHIN)),
    Effect.mapError((error) => new NotServing({ url, reason: `does not answer (${inWords(error)})` }))
  )
  if (status !== 200) return yield* new NotServing({ url, reason: `GET /health answers ${status}` })
})

/**
 * Makes the users. A call without an answer may have made its user all the same, so the next attempt takes another name, and the nameless
 * one stays unused.
 */
const enroll = Effect.fn("Verify.enroll")(function* ({ urls, users }: Options, name: string) {
  const rest = yield* Rest
  const make = (_: unknown, index: number) => {
    let attempt = 0
    return onAnyNode(urls, 0, (url) => {
      const suffix = attempt++ === 0 ? "" : `r${attempt}`
      return rest.createUser(url, `${name}u${index}${suffix}`)
    }).pipe(
      Effect.mapError(
        (error) => new NotServing({ url: urls[0]!, reason: `POST /users/ fails (${inWords(error)})` })
      )
    )
  }
  return yield* Progress.forEach("Making users", Array.from({ length: users }), make, 16)
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

/** Makes the traffic of a run between its users, and reports what became of it. */
const examine = Effect.fn("Verify.examine")(function* (
  options: Options,
  name: string,
  userIds: ReadonlyArray<number>
) {
  const startedAt = performance.now()
  const { settleWithin = SETTLE_WITHIN, urls } = options
  const clients = yield* Progress.forEach(
    "Opening sockets",
    userIds,
    (id, index) => connect(options, id, index),
    16
  )
  // Another device of the first user, on another node where there is one: it must get the same events.
  const devices = [...clients, yield* connect(options, userIds[0]!, 1)]
  const noGroup = (error: Refused | Unanswered) =>
    new NotServing({ url: urls[0]!, reason: `a group cannot be made (${inWords(error)})` })
  const conversations = yield* Effect.mapError(Conversations.make(urls, userIds, name), noGroup)
  const { group } = conversations

  const size = { ...options, nodes: urls.length, members: group?.memberIds.length ?? 0 }
  const plan = yield* Plan.make(size, options.seed)
  let isSending = true
  const changing =
    group === undefined
      ? Effect.succeed(undefined)
      : Memberships.run({
          urls,
          clients: clients.slice(0, size.members),
          steps: plan.steps,
          name: `${name}-joined`,
          isShown: () => !isSending
        }).pipe(Effect.mapError(noGroup))
  const sending = Traffic.run({ urls, clients, plan, group, name }).pipe(
    Effect.ensuring(Effect.sync(() => (isSending = false)))
  )
  const [traffic, memberships] = yield* Effect.all([sending, changing], { concurrency: "unbounded" })
  const changes = group === undefined ? [] : [conversations.made, ...traffic.changes]
  yield* settle(traffic.sends, devices, settleWithin, changes)
  const [senderId, receiverId] = [userIds[0]!, userIds[1]!]
  const poll = yield* LongPoll.check({
    urls,
    senderId,
    receiverId,
    since: clients[1]!.cursor(),
    name: `${name}-poll`
  })
  yield* settle([...traffic.sends, ...poll.sends], devices, settleWithin, changes)
  const groupOptions = { urls, senderId, receiverId, since: clients[1]!.cursor() }
  const groupPolls =
    group === undefined
      ? []
      : [
          yield* LongPoll.check({ ...groupOptions, group, name: `${name}-group-poll` }),
          yield* LongPoll.checkChanges({ ...groupOptions, group, name: `${name}-poll-of` })
        ]
  const polls = [poll, ...groupPolls]
  const sends = [...traffic.sends, ...polls.flatMap((each) => each.sends)]
  const tally = yield* settle(sends, devices, settleWithin, changes)

  if (memberships !== undefined) yield* Memberships.settle(memberships, settleWithin)

  const inboxes = clients.map((client) => client.inbox())
  const groups = [group, memberships?.group].filter((made) => made !== undefined)
  const report: Report = {
    urls,
    seed: options.seed,
    users: options.users,
    usernames: `${name}u*`,
    ...(conversations.group === undefined && { lacking: conversations.lacking }),
    seconds: Math.round((performance.now() - startedAt) / 1_000),
    tally,
    memberships: memberships?.changes ?? 0,
    unanswered: tally.sent - tally.acknowledged - tally.refused,
    reconnects: devices.reduce((sum, client) => sum + client.visits.length - 1, 0),
    disagreements: [
      ...traffic.findings,
      ...changes.flatMap(({ failed, what }) =>
        failed === undefined ? [] : [`${what} is not acknowledged: ${failed}`]
      ),
      ...polls.flatMap(({ findings }) => findings),
      ...(memberships?.findings() ?? []),
      ...(yield* disagreements(urls, clients, sends, groups))
    ],
    acknowledgement: Latency.summarize(Latency.ofAcknowledgements(sends)),
    delivery: Latency.summarize(Latency.deliveries(sends, inboxes).map(({ took }) => took))
  }
  return report
})

/**
 * Puts a running deployment to the test with users of its own. Takes nothing down. The users are erased at the end, unless something was
 * found wrong: then they stay, to be looked at.
 */
export const verify = Effect.fn("Verify.verify")(function* (options: Options) {
  const { urls } = options
  yield* Progress.forEach("Reaching nodes", urls, reach, urls.length)
  const nonce = yield* Random.nextIntBetween(0, 2 ** 40)
  const name = `verify${nonce.toString(36)}`
  const userIds = (yield* enroll(options, name)).map(({ id }) => id)
  // The sockets are closed before the erasure, which would close them.
  const report = yield* Effect.scoped(examine(options, name, userIds))
  if (!isSound(report)) return report
  const erased = yield* Erasure.erase(urls, userIds)
  const withErased: Report = { ...report, erased }
  return withErased
})
