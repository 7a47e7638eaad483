import type { RefObject } from "preact"
import type { VirtualizerHandle } from "virtua"
import type { ConversationEntry } from "../src/client/MiniChat.ts"
import { useRovingFocus } from "./useRovingFocus.ts"

interface Options {
  readonly entries: ReadonlyArray<ConversationEntry>
  readonly selected: number | undefined
  readonly box: RefObject<HTMLDivElement | null>
  readonly list: RefObject<VirtualizerHandle | null>
}

const idOf = (target: EventTarget | null) =>
  target instanceof Element
    ? Number(target.closest<HTMLElement>("[data-conversation]")?.dataset.conversation)
    : undefined

/** One row of the list is a stop of the Tab key: the one with the focus, else the selected one, else the first. Arrows go on. */
export const useRowFocus = ({ entries, selected, box, list }: Options) => {
  const { at, settle, focusAt, onFocusIn, onFocusOut } = useRovingFocus({
    items: entries,
    elementOf: (id) => box.current?.querySelector<HTMLElement>(`[data-conversation="${id}"]`),
    idOf,
    box,
    list
  })
  const index =
    at >= 0
      ? at
      : Math.max(
          entries.findIndex(({ id }) => id === selected),
          0
        )
  return {
    index,
    settle,
    onKeyDown: (event: KeyboardEvent) => {
      if (event.altKey || event.ctrlKey || event.metaKey) return
      const last = entries.length - 1
      const to = { ArrowUp: index - 1, ArrowDown: index + 1, Home: 0, End: last }[event.key]
      if (to === undefined) return
      event.preventDefault()
      focusAt(Math.min(Math.max(to, 0), last))
    },
    onFocusIn,
    onFocusOut
  }
}
