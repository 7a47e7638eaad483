import { assert, it } from "@effect/vitest"
import { Effect, Layer, Logger } from "effect"
import { TestClock } from "effect/testing"
import { Erasures } from "../../src/chat/Erasures.ts"
import { EventPublisher } from "../../src/inbox/EventPublisher.ts"
import { LiveInboxes } from "../../src/inbox/LiveInboxes.ts"
import { memoryRepos, newPair } from "../repo/Repos.ts"
import { memoryServices } from "./Servers.ts"

const services = Erasures.layer.pipe(
  Layer.provide(EventPublisher.layer),
  Layer.provide(LiveInboxes.layer),
  Layer.provide(memoryServices),
  Layer.provideMerge(memoryRepos)
)

it.effect("an order that is repeated is logged once, with who ordered first", () => {
  const lines: Array<unknown> = []
  const logger = Logger.make(({ message }) => lines.push(...[message].flat()))
  return Effect.gen(function* () {
    const { alice } = yield* newPair
    const { order } = yield* Erasures

    yield* order(alice.id, "user 1")
    yield* order(alice.id, "a service token")
    yield* TestClock.adjust("10 seconds")
    assert.isNotNull((yield* order(alice.id, "user 1")).finished_at)

    assert.deepEqual(lines, [
      `The erasure of user ${alice.id} is ordered by user 1`,
      `User ${alice.id} is erased`
    ])
  }).pipe(Effect.provide(services.pipe(Layer.provideMerge(Logger.layer([logger])))))
})
