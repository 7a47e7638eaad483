/** As much of a browser's window as is used here; a worker has a part of it, Node.js nothing. */
interface Surroundings {
  addEventListener?(type: string, listener: () => void, options: { readonly signal: AbortSignal }): void
  readonly visibilityState?: string
}

/**
 * Calls a function when the network may have come back: the browser says so, or the page becomes visible. Until the returned
 * function is called.
 */
export const onWakeUp = (wake: () => void): (() => void) => {
  const world = globalThis as Surroundings & { readonly document?: Surroundings }
  const { document } = world
  const controller = new AbortController()
  const { signal } = controller
  world.addEventListener?.("online", wake, { signal })
  world.addEventListener?.("pageshow", wake, { signal })
  document?.addEventListener?.(
    "visibilitychange",
    () => {
      if (document.visibilityState === "visible") wake()
    },
    { signal }
  )
  return () => controller.abort()
}
