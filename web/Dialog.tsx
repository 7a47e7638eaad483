import type { ComponentChildren } from "preact"
import { useLayoutEffect, useRef } from "preact/hooks"
import { Icon } from "./Icon.tsx"

/** What had the focus before the first of the dialogs that lie above one another. */
let opener: Element | null = null

/** A dialog above the page; Escape closes it. The browser focuses the control with `autofocus`, else the heading, as the first that can have the focus: not Close. */
export const Dialog = ({
  title,
  onClose,
  children
}: {
  title: string
  onClose: () => void
  children: ComponentChildren
}) => {
  const dialog = useRef<HTMLDialogElement>(null)
  // Before the next key: the page takes none while a dialog is open.
  useLayoutEffect(() => {
    const { activeElement } = document
    // One that lay below this one is gone, and the focus with it: closing gives it back to where that one had it from.
    if (activeElement === document.body) opener instanceof HTMLElement && opener.focus()
    else opener = activeElement
    dialog.current?.showModal()
  }, [])
  return (
    <dialog ref={dialog} aria-label={title} onClose={onClose}>
      <header class="bar">
        <h2 tabIndex={-1}>{title}</h2>
        <button type="button" class="icon" aria-label="Close" onClick={() => dialog.current?.close()}>
          <Icon name="close" />
        </button>
      </header>
      <div class="body">{children}</div>
    </dialog>
  )
}
