import { Effect } from "effect"

/** As much of a browser's window as is used here; a worker has a part of it, Node.js nothing. */
interface Surroundings {
  addEventListener?(type: string, listener: () => void): void
  removeEventListener?(type: string, listener: () => void): void
  readonly visibilityState?: string
}

/** Calls a function when the network may have come back: the browser says so, or the page becomes visible. Until the scope closes. */
export const wakeUps = (wake: () => void) => {
  const world = globalThis as Surroundings & { readonly document?: Surroundings }
  const { document } = world
  const onVisible = () => {
    if (document?.visibilityState === "visible") wake()
  }
  return Effect.acquireRelease(
    Effect.sync(() => {
      world.addEventListener?.("online", wake)
      world.addEventListener?.("pageshow", wake)
      document?.addEventListener?.("visibilitychange", onVisible)
    }),
    () =>
      Effect.sync(() => {
        world.removeEventListener?.("online", wake)
        world.removeEventListener?.("pageshow", wake)
        document?.removeEventListener?.("visibilitychange", onVisible)
      })
  )
}
