import { Effect } from "effect"
import type { Kept } from "./Kept.ts"
import { isComplete } from "./Snapshot.ts"
import type { State } from "./State.ts"
import type { Store } from "./Store.ts"

/** How long after a change the snapshot is written, in milliseconds: one write for many changes. */
const AFTER = 1000

/**
 * Keeps snapshots until the scope closes; the effect writes one at once. None is written before the readers of events have
 * taken all events up to it: after a crash the client reads those again.
 */
export const saving = Effect.fnUntraced(function* (store: Store, kept: Kept, isCaughtUp: () => boolean) {
  let saved: State["sync"]["cursor"]
  const isDue = () => isCaughtUp() && isComplete(store.state) && !isGone(store.state)
  const save = Effect.suspend(() => {
    if (!isDue()) return Effect.void
    saved = store.state.sync.cursor
    return kept.saveSnapshot(store.state)
  })
  yield* Effect.suspend(() => (store.state.sync.cursor === saved ? Effect.void : save)).pipe(
    Effect.delay(AFTER),
    Effect.forever,
    Effect.forkScoped
  )
  return save
})

/** Whether there is no such user any more, or not on this device: nothing of it is written then. */
const isGone = ({ status }: State) =>
  status.type === "closed" && (status.reason === "user_not_found" || status.reason === "forgotten")
