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

      /** Hands out events in this turn, and answers for each whether somebody heard it. */
      const handOut = (events: ReadonlyArray<AddressedEvent>) => {
        // A poll of this node that is handed its event here has ended before the bus counts who listens.
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
          const eventsOf = appended.map(({ fact, places }) => {
            const build = builder.prepare(fact, traceparent)
            return places.map(({ userId, seq }): AddressedEvent => ({ userId, event: build(seq) }))
          })
          const broken = appended.filter(({ fact }, i) =>
            eventsOf[i]!.some(({ event }) => event.type !== fact.type)
          )
          const events = eventsOf.flat()
          const handedOut =
            events.length <= EVENTS_A_TURN
              ? handOut(events)
              : Effect.map(Effect.flatMap(handOutInTurns(events), Fiber.joinAll), (heard) => heard.flat())
          const answered = Effect.map(handedOut, (heard) => {
            let next = 0
            return appended.map(({ places }) => places.map(() => heard[next++] === true))
          })
          return broken.length === 0 ? answered : Effect.andThen(logBroken(broken), answered)
        })
      }

      return EventPublisher.of({ publish })
    })
  )
}

/** One line for all facts of a call. The server appended them itself: that they cannot be built is a fault in it. */
const logBroken = (broken: ReadonlyArray<AppendedFact>) => {
  const { fact, places } = broken[0]!
  return Effect.logError(
    `${broken.length} committed change(s) cannot be built into events and are delivered as omitted ones, the first of type ${fact.type} for ${places.length} inbox(es), as event ${places[0]!.seq} of user ${places[0]!.userId}`
  )
}
