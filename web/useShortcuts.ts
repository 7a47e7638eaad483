import type { RefObject } from "preact"
import { useEffect } from "preact/hooks"
import { isComposing } from "./composing.ts"
import { choose, leave } from "./focus.ts"
import type { Session } from "./session.ts"

/** The shortcuts of one pane: the one with the focus, or the first one when nothing has it. */
export const useShortcuts = (session: Session, root: RefObject<HTMLElement | null>, isFirst: boolean) => {
  useEffect(() => {
    const move = (step: number) => {
      const list = session.conversations.value
      const at = list.findIndex(({ id }) => id === session.selected.value)
      const next = list[Math.min(Math.max(at + step, 0), list.length - 1)]
      if (next !== undefined) choose(session, next.id)
    }
    const onKey = (event: KeyboardEvent) => {
      if (isComposing(event)) return
      const focused = document.activeElement
      const isHere = root.current?.contains(focused) || (isFirst && focused === document.body)
      if (!isHere || document.querySelector("dialog[open]") !== null || event.ctrlKey || event.metaKey) return
      const isWriting = focused?.matches("input, textarea, select") === true
      if (event.altKey && event.key === "ArrowUp") move(-1)
      else if (event.altKey && event.key === "ArrowDown") move(1)
      else if (event.key === "Escape") leave(session)
      else if (isWriting) return
      else if (event.key === "?") session.openDialog("help")
      else if (event.key === "n") session.openDialog("new")
      else if (event.key === "/") root.current?.querySelector<HTMLElement>(".filter")?.focus()
      else return
      event.preventDefault()
    }
    document.addEventListener("keydown", onKey)
    return () => document.removeEventListener("keydown", onKey)
  }, [session, isFirst])
}
