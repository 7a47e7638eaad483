import { type Cause, Effect, Queue } from "effect"
import { Refusal } from "./Refusal.ts"
import type { InboxEvent, Status } from "./State.ts"
import type { Store } from "./Store.ts"
import { subscribed } from "./Subscribed.ts"

/** Events are missing here, up to the one with this `seq`: the server cannot replay them any more. */
export interface Gap {
  readonly type: "gap"
  readonly seq: number
}

/** What a reader gets. */
export type ReaderEvent = InboxEvent | Gap

/** One who takes the events of an inbox one by one. */
interface Reader {
  offer(event: ReaderEvent): void
  /** Whether it has taken every event, and asked for the next one: it is done with them. */
  isCaughtUp(): boolean
  /** There are no more events. Those that it has not taken come first, unless the application has disconnected. */
  end(reason: Refusal | undefined): Effect.Effect<void>
}

/** The events for one reader. */
export interface Events {
  /** The next event. Asking for it says that the one before is done with. Fails with the reason once the client is closed for good. */
  readonly next: Effect.Effect<ReaderEvent, Refusal | Cause.Done>
  readonly close: Effect.Effect<void>
}

/** All who read the events of an inbox. */
export interface Readers {
  offer(events: ReadonlyArray<ReaderEvent>): void
  areCaughtUp(): boolean
  /** The events that come from now on, for one more reader. Nothing is dropped: a reader that is too slow takes memory. */
  readonly open: Effect.Effect<Events>
}

/** Their events end with the scope, or when the server closes the client for good. */
export const makeReaders = Effect.fnUntraced(function* (store: Store) {
  const readers = new Set<Reader>()
  const endAll = (status: Status) => Effect.forEach(readers, (reader) => reader.end(refusalOf(status)))

  // It runs after the subscription has ended, which is added later.
  yield* Effect.addFinalizer(() => Effect.suspend(() => endAll(store.state.status)))
  yield* subscribed(() =>
    store.subscribeAll(({ status }) => {
      if (status.type === "closed") Effect.runSync(endAll(status))
    })
  )

  return {
    offer: (events) => {
      for (const reader of readers) for (const event of events) reader.offer(event)
    },
    areCaughtUp: () => [...readers].every((reader) => reader.isCaughtUp()),
    open: Effect.gen(function* () {
      const queue = yield* Queue.unbounded<ReaderEvent, Refusal | Cause.Done>()
      let open = 0
      let isTaken = false
      const reader: Reader = {
        offer: (event) => {
          open++
          Queue.offerUnsafe(queue, event)
        },
        isCaughtUp: () => open === 0,
        end: (reason) =>
          reason === undefined
            ? Effect.andThen(Effect.ignore(Queue.clear(queue)), Queue.end(queue))
            : Queue.fail(queue, reason)
      }
      readers.add(reader)
      const { status } = store.state
      if (status.type === "closed") yield* reader.end(refusalOf(status))
      return {
        next: Effect.suspend(() => {
          if (isTaken) open--
          isTaken = false
          return Effect.map(Queue.take(queue), (event) => {
            isTaken = true
            return event
          })
        }),
        close: Effect.suspend(() => {
          readers.delete(reader)
          return reader.end(undefined)
        })
      }
    })
  } satisfies Readers as Readers
})

/** Why the server has closed the client for good; `undefined` when it has not. */
const refusalOf = (status: Status): Refusal | undefined =>
  status.type === "closed" && status.reason !== "closed"
    ? new Refusal({ code: status.reason, message: status.message })
    : undefined
