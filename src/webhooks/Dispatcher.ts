import { Clock, Duration, Effect, FiberSet, Queue, Random, Schedule } from "effect"
import { monotonicMillis } from "../domain/Monotonic.ts"
import type { UnreachedPayload, WebhookPayload } from "../domain/Webhook.ts"
import { Metrics } from "../observability/Metrics.ts"
import { RedisBus } from "../redis/RedisBus.ts"
import { type WebhookFact, WebhookFacts } from "../repo/WebhookFacts.ts"
import { type Offline, type WebhookEvent, type WebhookOutcome, WebhookRepo } from "../repo/WebhookRepo.ts"
import { type Answer, attempt } from "./Attempt.ts"
import { makeOutageLog } from "./Outage.ts"
import { type WebhookTarget, WebhookTargets } from "./WebhookTargets.ts"
import { WebhookTimings } from "./WebhookTimings.ts"

/** How many attempts of a target are under way at once in this process. */
const CONCURRENCY = 16

/** How long a node waits when another one is at the queue. */
const BUSY_FOR = Duration.millis(20)

/** How many times a node that stops asks for the queue, to give back what is under way: two seconds long. */
const GIVE_BACK_TRIES = 100

/** How long it waits when the database does not answer. */
const UNAVAILABLE_FOR = Duration.seconds(1)

/** No content of an answer is kept: this many characters hold every status and reason. */
const REASON_LENGTH = 200

/**
 * Delivers the events of one target until its scope closes. One fiber leases events and reports how they went, in one statement for
 * all that ended meanwhile; each attempt is a fiber of its own. What is under way when the scope closes is given back at once.
 */
export const dispatch = Effect.fnUntraced(function* (target: WebhookTarget, endpoint: number) {
  const repo = yield* WebhookRepo
  const facts = yield* WebhookFacts
  const bus = yield* RedisBus
  const metrics = yield* Metrics
  const timings = yield* WebhookTimings
  const { sign } = yield* WebhookTargets
  const outage = makeOutageLog(target.location)
  const ended = yield* Queue.sliding<void>(1)

  const underWay = new Map<number, WebhookEvent>()
  let outcomes: Array<WebhookOutcome> = []
  /** Until when the receiver asked for nothing more, in milliseconds of `monotonicMillis`. */
  let pausedUntil = 0

  const end = (outcome: WebhookOutcome) => {
    underWay.delete(outcome.event.id)
    outcomes.push(outcome)
    Queue.offerUnsafe(ended, undefined)
  }

  const backoff = ({ attempts }: WebhookEvent) =>
    Effect.map(Random.nextBetween(0.8, 1.2), (jitter) =>
      Duration.times(
        Duration.min(
          Duration.times(timings.firstRetry, 2 ** Math.min(attempts - 1, 30)),
          timings.longestRetry
        ),
        jitter
      )
    )

  const offlineOf = (event: WebhookEvent, { recipients }: WebhookFact) =>
    event.type !== "message.created" || event.offline !== undefined
      ? Effect.succeed(event.offline)
      : Effect.map(
          bus.followed(recipients),
          ({ followed, isComplete }): Offline => ({
            userIds: recipients.filter((_, i) => !followed[i]),
            isKnown: isComplete
          })
        )

  const judge = Effect.fnUntraced(function* (
    event: WebhookEvent,
    offline: Offline | undefined,
    { status, reason, retryAfter }: Answer,
    isLast: boolean
  ): Effect.fn.Return<WebhookOutcome> {
    const outcome = { event, delay: Duration.zero, reason: reason.slice(0, REASON_LENGTH), offline }
    if (status !== undefined && status >= 200 && status < 300) {
      metrics.webhookAttempt("delivered", event.attempts)
      yield* outage.succeeded
      return { ...outcome, result: "delivered" }
    }
    yield* outage.failed(reason)
    if (status === GONE || isLast) {
      metrics.webhookAttempt("dead", event.attempts)
      return { ...outcome, result: "dead" }
    }
    metrics.webhookAttempt("failed", event.attempts)
    const delay = yield* backoff(event)
    if (retryAfter === undefined) return { ...outcome, result: "retry", delay }
    const asked = Duration.min(retryAfter, timings.longestRetryAfter)
    pausedUntil = Math.max(pausedUntil, (yield* monotonicMillis) + Duration.toMillis(asked))
    return { ...outcome, result: "retry", delay: Duration.max(delay, asked) }
  })

  const deliver = Effect.fnUntraced(function* (
    event: WebhookEvent,
    fact: WebhookFact | undefined,
    leasedAt: number
  ) {
    // The rows of the fact are gone: there is nothing to tell.
    if (fact === undefined) return end({ ...giveBack(event), result: "delivered" })
    const offline = yield* offlineOf(event, fact)
    const at = yield* Clock.currentTimeMillis
    if (performance.now() - leasedAt > Duration.toMillis(timings.lease) / 3) {
      return end(giveBack(event))
    }
    const payload = JSON.stringify(withReach(fact.payload, offline))
    const id = `msg_${event.webhookId}`
    const headers = {
      "webhook-id": id,
      "webhook-timestamp": String(Math.floor(at / 1000)),
      "webhook-signature": sign(id, at, payload)
    }
    const answer = yield* attempt(target.url, headers, payload, timings.attempt)
    const isLast = performance.now() - leasedAt >= Duration.toMillis(event.timeLeft)
    end(yield* judge(event, offline, answer, isLast))
  })

  const fork = yield* FiberSet.makeRuntime<never>()

  const start = Effect.fnUntraced(function* (events: ReadonlyArray<WebhookEvent>, leasedAt: number) {
    const read = yield* facts.of(events)
    for (const [i, event] of events.entries()) fork(deliver(event, read[i], leasedAt))
  })

  // A stop waits for the statement, so that no outcome is lost and every leased event is given back.
  const report = Effect.fnUntraced(function* (free: number) {
    const reported = outcomes
    outcomes = []
    const leased = yield* Effect.tapError(repo.step(endpoint, reported, free, timings.lease), () =>
      Effect.sync(() => (outcomes = [...reported, ...outcomes]))
    )
    if (leased === undefined) outcomes = [...reported, ...outcomes]
    for (const event of leased ?? []) underWay.set(event.id, event)
    return leased
  }, Effect.uninterruptible)

  const turn = Effect.gen(function* () {
    const isPaused = (yield* monotonicMillis) < pausedUntil
    const leasedAt = performance.now()
    const leased = yield* report(isPaused ? 0 : CONCURRENCY - underWay.size)
    if (leased === undefined) return yield* Effect.sleep(BUSY_FOR)
    if (leased.length > 0) {
      yield* Effect.tapError(start(leased, leasedAt), () =>
        Effect.sync(() => {
          for (const event of leased) if (underWay.has(event.id)) end(giveBack(event))
        })
      )
    }
    yield* Effect.timeoutOption(Queue.take(ended), timings.poll)
  })

  // Runs before the attempts are interrupted, and bounded by the database's own time limit.
  yield* Effect.addFinalizer(() =>
    Effect.suspend(() => {
      outcomes.push(...[...underWay.values()].map(giveBack))
      return outcomes.length === 0
        ? Effect.void
        : report(0).pipe(
            // The other node at the queue is soon done; what it keeps from being given back here waits for the end of its lease.
            Effect.repeat({
              while: (leased) => leased === undefined,
              schedule: Schedule.spaced(BUSY_FOR),
              times: GIVE_BACK_TRIES
            }),
            Effect.ignore
          )
    })
  )
  yield* turn.pipe(
    Effect.catch(() => Effect.sleep(UNAVAILABLE_FOR)),
    Effect.forever,
    Effect.forkScoped
  )
})

/** What is posted: of a new message also who was offline. */
const withReach = (payload: UnreachedPayload, offline: Offline | undefined): WebhookPayload => {
  if (payload.type !== "message.created") return payload
  const { userIds, isKnown } = offline ?? { userIds: [], isKnown: false }
  return { ...payload, data: { ...payload.data, offline_user_ids: userIds, presence_known: isKnown } }
}

/** The outcome of an event that was not tried: it is leased anew at once. */
const giveBack = (event: WebhookEvent): WebhookOutcome => ({
  event,
  result: "retry",
  delay: Duration.zero,
  reason: "",
  offline: event.offline
})

/** The receiver says that it never wants this event. */
const GONE = 410
