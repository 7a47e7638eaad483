import { computed } from "@preact/signals"
import { useMemo } from "preact/hooks"
import { keeping } from "./keeping.ts"

/**
 * What a component shows of signals. The component is drawn again only when this says something else, and not at each change of a
 * signal: one `presence` frame would draw the whole page anew. `needs` is what `view` uses beside signals.
 */
export const useView = <A>(view: () => A, needs: ReadonlyArray<unknown>): A =>
  useMemo(() => {
    const keep = keeping<A>()
    return computed(() => keep(view()))
  }, needs).value
