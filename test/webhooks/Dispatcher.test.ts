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

it.live(
  "an attempt that a stop cuts off is given back, also when another node is at the queue just then",
  () =>
    Effect.gen(function* () {
      const receiver = yield* startReceiver
      receiver.respond = () => {}
      const target: WebhookTarget = { url: receiver.url, hash: "", location: "" }
      const reported: Array<ReadonlyArray<WebhookOutcome>> = []
      let isLeased = false
      let busy = 2
      const layer = Layer.mergeAll(
        Layer.mock(WebhookRepo, {
          step: (_, outcomes) =>
            Effect.sync(() => {
              if (!isLeased) {
                isLeased = true
                return [event]
              }
              if (outcomes.length === 0) return []
              reported.push(outcomes)
              return busy-- > 0 ? undefined : []
            })
        }),
        Layer.mock(WebhookFacts, {
          of: () => Effect.succeed([{ payload: userCreated, recipients: [] }])
        }),
        Layer.mock(RedisBus, { isUp: () => true }),
        Layer.mock(WebhookTargets, { targets: [target], sign: () => "v1,signature" })
      )
      const scope = yield* Scope.make()
      yield* dispatch(target, 1).pipe(Effect.provide(layer), Scope.provide(scope))
      yield* until(Effect.sync(() => receiver.received.length === 1))
      yield* Scope.close(scope, Exit.void)

      assert.deepEqual(
        reported.map((outcomes) => outcomes.map(({ event, result }) => [event.id, result])),
        [[[7, "retry"]], [[7, "retry"]], [[7, "retry"]]]
      )
    })
)

it.live("a stop while the queue is asked loses no outcome, and gives back what was leased just then", () =>
  Effect.gen(function* () {
    const receiver = yield* startReceiver
    const target: WebhookTarget = { url: receiver.url, hash: "", location: "" }
    const reported: Array<ReadonlyArray<WebhookOutcome>> = []
    const asked = yield* Deferred.make<void>()
    const goOn = yield* Deferred.make<void>()
    const steps: Array<(outcomes: ReadonlyArray<WebhookOutcome>) => Effect.Effect<Array<WebhookEvent>>> = [
      () => Effect.succeed([event]),
      () =>
        Effect.gen(function* () {
          yield* Deferred.succeed(asked, undefined)
          yield* Deferred.await(goOn)
          return [{ ...event, id: 8 }]
        })
    ]
    const layer = Layer.mergeAll(
      Layer.mock(WebhookRepo, {
        step: (_, outcomes) =>
          Effect.suspend(() => {
            reported.push(outcomes)
            return steps.shift()?.(outcomes) ?? Effect.succeed([])
          })
      }),
      Layer.mock(WebhookFacts, {
        of: () => Effect.succeed([{ payload: userCreated, recipients: [] }])
      }),
      Layer.mock(RedisBus, { isUp: () => true }),
      Layer.mock(WebhookTargets, { targets: [target], sign: () => "v1,signature" })
    )
    const scope = yield* Scope.make()
    yield* dispatch(target, 1).pipe(Effect.provide(layer), Scope.provide(scope))
    yield* Deferred.await(asked)
    const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
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
