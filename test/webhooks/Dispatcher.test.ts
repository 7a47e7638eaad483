import { assert, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Exit, Fiber, Layer, Schema, Scope } from "effect"
import { webhookExamples } from "../../src/api/openapi/WebhookExamples.ts"
import { WebhookPayloads } from "../../src/domain/Webhook.ts"
import { RedisBus } from "../../src/redis/RedisBus.ts"
import { WebhookFacts } from "../../src/repo/WebhookFacts.ts"
import { type WebhookEvent, type WebhookOutcome, WebhookRepo } from "../../src/repo/WebhookRepo.ts"
import { dispatch } from "../../src/webhooks/Dispatcher.ts"
import { type WebhookTarget, WebhookTargets } from "../../src/webhooks/WebhookTargets.ts"
import { until } from "../support/Until.ts"
import { startReceiver } from "./Receiver.ts"

const event: WebhookEvent = {
  id: 7,
  webhookId: "one",
  lane: -1,
  type: "user.created",
  messageId: undefined,
  userId: 1,
  reportId: undefined,
  happenedAt: new Date(0),
  attempts: 1,
  offline: undefined,
  timeLeft: Duration.days(3)
}

const userCreated = Schema.decodeSync(WebhookPayloads["user.created"])(webhookExamples["user.created"])

/** Delivers what `step` leases to a receiver, until the scope closes. */
const dispatching = Effect.fnUntraced(function* (step: WebhookRepo["Service"]["step"]) {
  const receiver = yield* startReceiver
  const target: WebhookTarget = { url: receiver.url, hash: "", location: "" }
  const layer = Layer.mergeAll(
    Layer.mock(WebhookRepo, { step }),
    Layer.mock(WebhookFacts, {
      of: () => Effect.succeed([{ payload: userCreated, recipients: [] }])
    }),
    Layer.mock(RedisBus, { isUp: () => true }),
    Layer.mock(WebhookTargets, { targets: [target], sign: () => "v1,signature" })
  )
  const scope = yield* Scope.make()
  const start = dispatch(target, 1).pipe(Effect.provide(layer), Scope.provide(scope))
  return { receiver, start, stop: Scope.close(scope, Exit.void) }
})

it.live(
  "an attempt that a stop cuts off is given back, also when another node is at the queue just then",
  () =>
    Effect.gen(function* () {
      const reported: Array<ReadonlyArray<WebhookOutcome>> = []
      let isLeased = false
      let busy = 2
      const { receiver, start, stop } = yield* dispatching((_, outcomes) =>
        Effect.sync(() => {
          if (!isLeased) {
            isLeased = true
            return [event]
          }
          if (outcomes.length === 0) return []
          reported.push(outcomes)
          return busy-- > 0 ? undefined : []
        })
      )
      receiver.respond = () => {}
      yield* start
      yield* until(Effect.sync(() => receiver.received.length === 1))
      yield* stop

      assert.deepEqual(
        reported.map((outcomes) => outcomes.map(({ event, result }) => [event.id, result])),
        [[[7, "retry"]], [[7, "retry"]], [[7, "retry"]]]
      )
    })
)

it.live("a stop while the queue is asked loses no outcome, and gives back what was leased just then", () =>
  Effect.gen(function* () {
    const reported: Array<ReadonlyArray<WebhookOutcome>> = []
    const asked = yield* Deferred.make<void>()
    const goOn = yield* Deferred.make<void>()
    const steps: Array<Effect.Effect<ReadonlyArray<WebhookEvent>>> = [
      Effect.succeed([event]),
      Deferred.succeed(asked, undefined).pipe(
        Effect.andThen(Deferred.await(goOn)),
        Effect.as([{ ...event, id: 8 }])
      )
    ]
    const { start, stop } = yield* dispatching((_, outcomes) =>
      Effect.suspend(() => {
        reported.push(outcomes)
        return steps.shift() ?? Effect.succeed([])
      })
    )
    yield* start
    yield* Deferred.await(asked)
    const closing = yield* Effect.forkChild(stop, { startImmediately: true })
    yield* Deferred.succeed(goOn, undefined)
    yield* Fiber.join(closing)

    assert.deepEqual(
      reported.flat().map(({ event, result }) => [event.id, result]),
      [
        [7, "delivered"],
        [8, "retry"]
      ]
    )
  })
)
