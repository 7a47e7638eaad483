import type { ComponentChildren } from "preact"
import { useLayoutEffect, useRef, useState } from "preact/hooks"
import { Question } from "./Question.tsx"

/** A button whose first click asks, in its place. */
export const AskingButton = ({
  question,
  yes,
  no,
  onYes,
  children,
  ...rest
}: {
  question: string
  yes: string
  no: string
  onYes: () => void
  children: ComponentChildren
  class?: string
  "aria-label"?: string
}) => {
  const [isAsking, setIsAsking] = useState(false)
  const button = useRef<HTMLButtonElement>(null)
  const wasAsking = useRef(false)
  useLayoutEffect(() => {
    if (wasAsking.current && !isAsking) button.current?.focus()
    wasAsking.current = isAsking
  }, [isAsking])
  return isAsking ? (
    <Question
      text={question}
      yes={yes}
      no={no}
      onYes={() => {
        setIsAsking(false)
        onYes()
      }}
      onNo={() => setIsAsking(false)}
    />
  ) : (
    <button ref={button} type="button" onClick={() => setIsAsking(true)} {...rest}>
      {children}
    </button>
  )
}
