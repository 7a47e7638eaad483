import { Context, Effect, Fiber, Layer, Semaphore } from "effect"
import type { AddressedEvent, AppendedFact, InboxEvent, Place } from "../domain/Event.ts"
import type { UserId } from "../domain/User.ts"
import { currentTraceparent } from "../observability/Spans.ts"
import { RedisBus } from "../redis/RedisBus.ts"
import { EventBuilder, EventKinds } from "./EventKinds.ts"
import { LiveInboxes } from "./LiveInboxes.ts"

/**
 * How many events are published in one turn of the event loop. The 1,000 events of a message to a large group take about 15 ms
 * (bench/README.md, "What comments quote"): published in one turn, they would delay every other send and socket by as much.
 */
const EVENTS_A_TURN = 64

/** An event that is built when it is first read. */
class Outgoing implements AddressedEvent {
  readonly userId: UserId
  isDeliveredHere = false
  private readonly seq: number
  private readonly build: (seq: number) => InboxEvent
  private built: InboxEvent | undefined

  constructor({ userId, seq }: Place, build: (seq: number) => InboxEvent) {
    this.userId = userId
    this.seq = seq
    this.build = build
  }

  get event(): InboxEvent {
    this.built ??= this.build(this.seq)
    return this.built
  }
}

/** Delivers committed events to the sockets and polls of all nodes. */
export class EventPublisher extends Context.Service<
  EventPublisher,
  {
    /**
     * Publishes the events of committed facts. Answers for each place of each fact whether a node has the inbox open for a socket or a
     * poll, which gets the event. Never fails: the sweeps find what the bus loses. Run it without interruption.
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

      /** Delivers events in this turn, and answers for each whether its inbox is open on a node. */
      const deliver = (events: ReadonlyArray<Outgoing>) => {
        // This node's sockets and polls do not wait for Redis, and are known without it.
        const offered = events.map((event) => {
          const outcome = liveInboxes.offer(event)
          event.isDeliveredHere = outcome === "delivered"
          return outcome
        })
        return Effect.map(bus.publish(events), (published) =>
          offered.map((here, i) => here !== "closed" || published[i] === true)
        )
      }

      // One call at a time: the members of a group get two messages in the order in which they were committed.
      const semaphore = yield* Semaphore.make(1)

      const deliverInTurns = Effect.fnUntraced(function* (events: ReadonlyArray<Outgoing>) {
        const fibers: Array<Fiber.Fiber<ReadonlyArray<boolean>>> = []
        for (let from = 0; from < events.length; from += EVENTS_A_TURN) {
          if (from > 0) yield* Effect.yieldNow
          const turn = Effect.suspend(() => deliver(events.slice(from, from + EVENTS_A_TURN)))
          fibers.push(yield* Effect.forkChild(turn, { startImmediately: true }))
        }
        return fibers
      }, semaphore.withPermits(1))

      const publish: EventPublisher["Service"]["publish"] = (appended) => {
        if (appended.length === 0) return Effect.succeed([])
        return Effect.flatMap(currentTraceparent, (traceparent) => {
          const events: Array<Outgoing> = []
          const broken: Array<AppendedFact> = []
          for (const each of appended) {
            const { type, build } = builder.prepare(each.fact, traceparent)
            if (type !== each.fact.type && each.places.length > 0) broken.push(each)
            for (const place of each.places) events.push(new Outgoing(place, build))
          }
          const delivered =
            events.length <= EVENTS_A_TURN
              ? deliver(events)
              : Effect.map(Effect.flatMap(deliverInTurns(events), Fiber.joinAll), (isFollowed) =>
                  isFollowed.flat()
                )
          const answered = Effect.map(delivered, (isFollowed) => {
            let next = 0
            return appended.map(({ places }) => places.map(() => isFollowed[next++] === true))
          })
          return broken.length === 0 ? answered : Effect.andThen(logBroken(broken), answered)
        })
      }

      return EventPublisher.of({ publish })
    })
  )
}

/** Logs one line for all facts of a call. The server appended them itself, so this is a fault of the server. */
const logBroken = (broken: ReadonlyArray<AppendedFact>) => {
  const { fact, places } = broken[0]!
  return Effect.logError(
    `${broken.length} committed change(s) cannot be built into events and are delivered as omitted ones, the first of type ${fact.type} for ${places.length} inbox(es), as event ${places[0]!.seq} of user ${places[0]!.userId}`
  )
}
