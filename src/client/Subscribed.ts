import { Effect } from "effect"

/** Subscribes to something until the scope closes. `subscribe` returns how to end that, if there is anything to end. */
export const subscribed = (subscribe: () => (() => void) | undefined) =>
  Effect.acquireRelease(Effect.sync(subscribe), (unsubscribe) => Effect.sync(() => unsubscribe?.()))
