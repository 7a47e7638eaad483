import type { RefObject } from "preact"
import { useLayoutEffect, useRef, useState } from "preact/hooks"
import type { VirtualizerHandle } from "virtua"
import type { ConversationEntry } from "../src/client/MiniChat.ts"

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
  const [focused, setFocused] = useState<number>()
  const wanted = useRef<number>(undefined)
  const at = (id: number | undefined) => entries.findIndex((entry) => entry.id === id)
  const own = at(focused)
  const index = own >= 0 ? own : Math.max(at(selected), 0)

  /** Focuses the row that was gone to, once it is there. */
  const settle = () => {
    if (wanted.current === undefined) return
    const row = box.current?.querySelector<HTMLElement>(`[data-conversation="${wanted.current}"]`)
    row?.focus({ preventScroll: true })
    if (row != null && row === document.activeElement) wanted.current = undefined
  }
  useLayoutEffect(settle)
  return {
    index,
    settle,
    onKeyDown: (event: KeyboardEvent) => {
      if (event.altKey || event.ctrlKey || event.metaKey) return
      const last = entries.length - 1
      const to = { ArrowUp: index - 1, ArrowDown: index + 1, Home: 0, End: last }[event.key]
      if (to === undefined) return
      event.preventDefault()
      const next = Math.min(Math.max(to, 0), last)
      wanted.current = entries[next]?.id
      setFocused(wanted.current)
      list.current?.scrollToIndex(next, { align: "nearest" })
      settle()
    },
    onFocusIn: ({ target }: FocusEvent) => setFocused(idOf(target)),
    onFocusOut: ({ relatedTarget }: FocusEvent) => {
      if (relatedTarget instanceof Node && box.current?.contains(relatedTarget)) return
      if (relatedTarget !== null) wanted.current = undefined
      setFocused(undefined)
    }
  }
}
