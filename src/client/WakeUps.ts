/** As much of a browser's window as is used here; a worker has a part of it, Node.js nothing. */
interface Surroundings {
  addEventListener?(type: string, listener: () => void, options: { readonly signal: AbortSignal }): void
  readonly visibilityState?: string
}

const world = globalThis as Surroundings & { readonly document?: Surroundings }

/** Calls a function when the page becomes visible, or hidden, until the returned function is called. */
const onVisibility = (state: "visible" | "hidden", act: () => void): (() => void) => {
  const { document } = world
  const controller = new AbortController()
  const check = () => {
    if (document?.visibilityState === state) act()
  }
  document?.addEventListener?.("visibilitychange", check, { signal: controller.signal })
  return () => controller.abort()
}

/** Calls a function when the page is hidden. Of what comes after it, as that it is closed, a phone says nothing. */
export const onHidden = (act: () => void) => onVisibility("hidden", act)

/**
 * Calls a function when the network may have come back: the browser says so, or the page becomes visible. Until the returned
 * function is called.
 */
export const onWakeUp = (wake: () => void): (() => void) => {
  const controller = new AbortController()
  const { signal } = controller
  world.addEventListener?.("online", wake, { signal })
  world.addEventListener?.("pageshow", wake, { signal })
  const end = onVisibility("visible", wake)
  return () => {
    controller.abort()
    end()
  }
}
