import { type Cause, Effect, Queue } from "effect"
import type { InboxEvent } from "./State.ts"

/** One who takes the events of an inbox one by one. */
export interface Reader {
  offer(event: InboxEvent): void
  /** Whether it has taken every event, and asked for the next one: it is done with them. */
  isCaughtUp(): boolean
}

/** The events for one reader. */
export interface Events {
  /** The next event. Asking for it says that the one before is done with. */
  readonly next: Effect.Effect<InboxEvent, Cause.Done>
  readonly close: Effect.Effect<void>
}

/** Opens the events that come from now on, for one more reader. Nothing is dropped: a reader that is too slow takes memory. */
export const readEvents = (readers: Set<Reader>): Effect.Effect<Events> =>
  Effect.map(Queue.unbounded<InboxEvent, Cause.Done>(), (queue) => {
    let open = 0
    let isTaken = false
    const reader: Reader = {
      offer: (event) => {
        open++
        Queue.offerUnsafe(queue, event)
      },
      isCaughtUp: () => open === 0
    }
    readers.add(reader)
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
        return Effect.asVoid(Queue.end(queue))
      })
    }
  })
