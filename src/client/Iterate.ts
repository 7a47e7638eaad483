import { Effect } from "effect"
import type { Events, ReaderEvent } from "./Readers.ts"
import type { State } from "./State.ts"
import type { Store } from "./Store.ts"

const END = { done: true, value: undefined } as const

/** The state now and after each change. A reader that is slow gets the latest one. */
export const iterateStates = (store: Store): AsyncIterableIterator<State> => {
  let latest: State | undefined
  let isOver = false
  let wake = () => {}
  const unsubscribe = store.subscribe(() => wake())
  return {
    next: async () => {
      while (!isOver && latest === store.state) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      if (isOver) return END
      latest = store.state
      // The last one there is.
      if (latest.status.type === "closed") isOver = true
      return { done: false, value: latest }
    },
    return: async () => {
      isOver = true
      unsubscribe()
      wake()
      return END
    },
    [Symbol.asyncIterator]() {
      return this
    }
  }
}

/** Events one by one. Asking for the next one says that the one before is done with. Rejects when the client is closed for good. */
export const iterateEvents = (events: Events): AsyncIterableIterator<ReaderEvent> => ({
  next: () =>
    events.next.pipe(
      Effect.map((value) => ({ done: false as const, value })),
      Effect.catchTag("Done", () => Effect.succeed(END)),
      Effect.runPromise
    ),
  return: async () => {
    await Effect.runPromise(events.close)
    return END
  },
  [Symbol.asyncIterator]() {
    return this
  }
})
