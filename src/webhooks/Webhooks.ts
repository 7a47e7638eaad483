import { Duration, Effect, Layer, Schedule } from "effect"
import { Metrics } from "../observability/Metrics.ts"
import { WebhookRepo } from "../repo/WebhookRepo.ts"
import { dispatch } from "./Dispatcher.ts"
import { type WebhookTarget, WebhookTargets } from "./WebhookTargets.ts"
import { WebhookTimings } from "./WebhookTimings.ts"

/** How often a node says which targets it serves. */
const SERVE_EVERY = Duration.seconds(30)

/** The lag as it was measured last. From then on it grows while it cannot be measured: the oldest event may wait all the while. */
const makeLag = () => {
  let last = 0
  let measuredAt = performance.now()
  let isMeasured = true
  return {
    measured: (seconds: number) => {
      last = seconds
      measuredAt = performance.now()
      isMeasured = true
    },
    failed: () => {
      isMeasured = false
    },
    seconds: () => (isMeasured ? last : last + (performance.now() - measuredAt) / 1000)
  }
}

const pause = Effect.sleep("1 second")

/**
 * Delivers webhooks while `WEBHOOK_URL` is set. From the start of the first node with that setting on, each fact is delivered at least
 * once to each URL, in the order of its conversation or user, by any node that has the setting. URLs do not wait for one another, and
 * no send waits for a delivery.
 */
export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const repo = yield* WebhookRepo
    const metrics = yield* Metrics
    const { targets } = yield* WebhookTargets
    const { measure, prune: pruneEvery } = yield* WebhookTimings

    const serve = ({ hash, location }: WebhookTarget) => repo.serve(hash, location)
    const endpoints = yield* Effect.forEach(targets, (target) =>
      Effect.eventually(Effect.tapError(serve(target), () => pause))
    )

    const lag = makeLag()
    let letters = 0
    yield* metrics.webhookLag(lag.seconds)
    yield* metrics.webhookDeadLetters(() => letters)

    const measureLag = Effect.match(repo.lag(endpoints), { onSuccess: lag.measured, onFailure: lag.failed })
    const countLetters = Effect.map(repo.letterCount, (count) => {
      letters = count
    })
    yield* Effect.andThen(
      endpoints.length === 0 ? Effect.void : measureLag,
      Effect.ignore(countLetters)
    ).pipe(Effect.repeat(Schedule.spaced(measure)), Effect.forkScoped)

    const serveAll = Effect.forEach(targets, serve, { discard: true })
    // Serves first: in a backup that was just restored no target looks served, and the prune would retire it.
    yield* Effect.andThen(serveAll, Effect.repeat(repo.prune, { while: (mayBeMore) => mayBeMore })).pipe(
      Effect.ignore,
      Effect.repeat(Schedule.spaced(pruneEvery)),
      Effect.forkScoped
    )
    if (targets.length === 0) return

    yield* Effect.logInfo(`Webhooks go to ${targets.map(({ location }) => location).join(", ")}`)
    yield* serveAll.pipe(
      Effect.ignore,
      Effect.repeat(Schedule.spaced(SERVE_EVERY)),
      Effect.delay(SERVE_EVERY),
      Effect.forkScoped
    )
    yield* Effect.forEach(targets, (target, i) => dispatch(target, endpoints[i]!), { discard: true })
  })
)
