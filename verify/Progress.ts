import { Context, Effect } from "effect"

/** Shows how far a run is. */
export interface Progress {
  /** Shows that `done` of `total` are done. */
  show(what: string, done: number, total: number): void
  /** Takes away what does not belong above a report. */
  clear(): void
}

/** Where progress is shown. Nowhere, unless the command says otherwise. */
export const Progress = Context.Reference<Progress>("minichat/verify/Progress", {
  defaultValue: () => ({ show: () => {}, clear: () => {} })
})

/** A terminal is written to this often at most. In milliseconds. */
const REDRAW_EVERY = 100

const START_OF_EMPTY_LINE = "\r\x1b[2K"

/** On a terminal one line that is rewritten, elsewhere one line for each part of the run. */
export const to = (out: { readonly isTTY?: boolean; write(text: string): unknown }): Progress => {
  let shown = ""
  let drawnAt = 0
  if (out.isTTY !== true) {
    return {
      show: (what, _, total) => {
        if (what !== shown) out.write(`${what}: ${total}\n`)
        shown = what
      },
      clear: () => {}
    }
  }
  return {
    show: (what, done, total) => {
      const now = performance.now()
      if (what === shown && done < total && now - drawnAt < REDRAW_EVERY) return
      shown = what
      drawnAt = now
      out.write(`${START_OF_EMPTY_LINE}${what}: ${done} of ${total}`)
    },
    clear: () => void out.write(START_OF_EMPTY_LINE)
  }
}

/** `Effect.forEach` that shows how many items are done. */
export const forEach = <A, B, E, R>(
  what: string,
  items: ReadonlyArray<A>,
  effect: (item: A, index: number) => Effect.Effect<B, E, R>,
  concurrency: number
): Effect.Effect<Array<B>, E, R> =>
  Effect.flatMap(Progress, (progress) => {
    let done = 0
    progress.show(what, done, items.length)
    return Effect.forEach(
      items,
      (item, index) =>
        Effect.tap(effect(item, index), () => Effect.sync(() => progress.show(what, ++done, items.length))),
      { concurrency }
    )
  })
