import { Context, Effect, Fiber, Layer, Semaphore } from "effect"
import type { AddressedEvent, AppendedFact } from "../domain/Event.ts"
import { currentTraceparent } from "../observability/Spans.ts"
import { RedisBus } from "../redis/RedisBus.ts"
import { EventBuilder, EventKinds } from "./EventKinds.ts"
import { LiveInboxes } from "./LiveInboxes.ts"

/**
 * How many events are handed out in one turn of the event loop. The thousand of a large group's message take about 15 ms together:
 * without turns in between, each send and each socket would wait for them, and for those of the messages behind it.
 */
const EVENTS_A_TURN = 64

/** Tells sockets and polls, on all nodes, of events that are committed. */
export class EventPublisher extends Context.Service<
  EventPublisher,
  {
    /**
     * Publishes the events of facts that are committed, and answers for each fact, place by place, whether a node has the inbox
     * open for a socket or a poll, which is handed it. Never fails: what the bus loses is found by the sweeps. To be run without interruption.
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

      /** Hands out events in this turn, and answers for each whether somebody heard it. */
      const handOut = (events: ReadonlyArray<AddressedEvent>) => {
        // This node's sockets and polls do not wait for Redis, and are known without it.
        const offered = events.map((event) => liveInboxes.offer(event))
        return Effect.map(bus.publish(events), (published) =>
          offered.map((here, i) => here || published[i] === true)
        )
      }

      // One at a time: of two messages to one group, the members get the first one first.
      const turns = yield* Semaphore.make(1)

      const handOutInTurns = Effect.fnUntraced(function* (events: ReadonlyArray<AddressedEvent>) {
        const fibers: Array<Fiber.Fiber<ReadonlyArray<boolean>>> = []
        for (let from = 0; from < events.length; from += EVENTS_A_TURN) {
          if (from > 0) yield* Effect.yieldNow
          const turn = Effect.suspend(() => handOut(events.slice(from, from + EVENTS_A_TURN)))
          fibers.push(yield* Effect.forkChild(turn, { startImmediately: true }))
        }
        return fibers
      }, turns.withPermits(1))

      const publish: EventPublisher["Service"]["publish"] = (appended) => {
        if (appended.length === 0) return Effect.succeed([])
        return Effect.flatMap(currentTraceparent, (traceparent) => {
          const events = appended.flatMap(({ fact, places }) => {
            const build = builder.prepare(fact, traceparent)
            return places.map(({ userId, seq }): AddressedEvent => ({ userId, event: build(seq) }))
          })
          const handedOut =
            events.length <= EVENTS_A_TURN
              ? handOut(events)
              : Effect.map(Effect.flatMap(handOutInTurns(events), Fiber.joinAll), (heard) => heard.flat())
          return Effect.map(handedOut, (heard) => {
            let next = 0
            return appended.map(({ places }) => places.map(() => heard[next++] === true))
          })
        })
      }

      return EventPublisher.of({ publish })
    })
  )
}
