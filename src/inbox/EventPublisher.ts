import { Context, Effect, Layer } from "effect"
import type { AddressedEvent, AppendedFact } from "../domain/Event.ts"
import { currentTraceparent } from "../observability/Spans.ts"
import { RedisBus } from "../redis/RedisBus.ts"
import { EventBuilder, EventKinds } from "./EventKinds.ts"
import { LiveInboxes } from "./LiveInboxes.ts"

/** Tells sockets and polls, on all nodes, of events that are committed. */
export class EventPublisher extends Context.Service<
  EventPublisher,
  {
    /**
     * Publishes the events of facts that are committed, and answers for each fact, place by place, whether a live socket or a
     * waiting poll was handed it. Never fails: what the bus loses is found by the sweeps. To be run without interruption.
     */
    publish(appended: ReadonlyArray<AppendedFact>): Effect.Effect<ReadonlyArray<ReadonlyArray<boolean>>>
  }
>()("minichat/inbox/EventPublisher") {
  static readonly layer = Layer.effect(
    EventPublisher,
    Effect.gen(function* () {
      const bus = yield* RedisBus
      const liveInboxes = yield* LiveInboxes
      const builder = new EventBuilder(yield* EventKinds)

      const publish: EventPublisher["Service"]["publish"] = (appended) => {
        if (appended.length === 0) return Effect.succeed([])
        return Effect.flatMap(currentTraceparent, (traceparent) => {
          const events = appended.flatMap(({ fact, places }) => {
            const build = builder.prepare(fact, traceparent)
            return places.map(({ userId, seq }): AddressedEvent => ({ userId, event: build(seq) }))
          })
          // A poll of this node that is handed its event here has ended before the bus counts who listens.
          const offered = events.map((event) => liveInboxes.offer(event))
          return Effect.map(bus.publish(events), (published) => {
            let next = 0
            const heard = offered.map((here, i) => here || published[i] === true)
            return appended.map(({ places }) => places.map(() => heard[next++] === true))
          })
        })
      }

      return EventPublisher.of({ publish })
    })
  )
}
