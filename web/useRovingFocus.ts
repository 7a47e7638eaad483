import type { RefObject } from "preact"
import { useLayoutEffect, useRef, useState } from "preact/hooks"
import type { VirtualizerHandle } from "virtua"

interface Options {
  /** The items of a virtual list, in their order. */
  readonly items: ReadonlyArray<{ readonly id: number }>
  /** The element of an item, while it is in the page. */
  readonly elementOf: (id: number) => HTMLElement | null | undefined
  /** The item that an element belongs to. */
  readonly idOf: (target: EventTarget | null) => number | undefined
  readonly box: RefObject<HTMLDivElement | null>
  readonly list: RefObject<VirtualizerHandle | null>
}

/** The focus in a virtual list, where what is gone to may not be in the page yet. */
export const useRovingFocus = ({ items, elementOf, idOf, box, list }: Options) => {
  const [focused, setFocused] = useState<number>()
  const wanted = useRef<number>(undefined)

  /** Focuses the item that was gone to, once it is there: one that was not measured yet is hidden. */
  const settle = () => {
    if (wanted.current === undefined) return
    const element = elementOf(wanted.current)
    element?.focus({ preventScroll: true })
    if (element != null && element === document.activeElement) wanted.current = undefined
  }
  const want = (id: number | undefined) => {
    wanted.current = id
    setFocused(id)
  }
  useLayoutEffect(settle)
  return {
    /** The place of the item with the focus; -1 when none has it. */
    at: focused === undefined ? -1 : items.findIndex(({ id }) => id === focused),
    settle,
    want,
    focusAt: (index: number) => {
      want(items[index]?.id)
      list.current?.scrollToIndex(index, { align: "nearest" })
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
