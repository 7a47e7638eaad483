import { useLayoutEffect, useRef } from "preact/hooks"

/** Asks in place before something is done that nobody can undo. The focus is at the answer that changes nothing; Escape gives it. */
export const Question = ({
  text,
  yes,
  no,
  onYes,
  onNo
}: {
  text: string
  yes: string
  no: string
  onYes: () => void
  onNo: () => void
}) => {
  const box = useRef<HTMLFieldSetElement>(null)
  useLayoutEffect(() => box.current?.querySelector<HTMLElement>("button:last-child")?.focus(), [])
  return (
    <fieldset
      ref={box}
      class="question"
      aria-label={text}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return
        // It would close the dialog, or leave the message.
        event.preventDefault()
        event.stopPropagation()
        onNo()
      }}
    >
      <span>{text}</span>
      <button type="button" class="danger" onClick={onYes}>
        {yes}
      </button>
      <button type="button" onClick={onNo}>
        {no}
      </button>
    </fieldset>
  )
}
