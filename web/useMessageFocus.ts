import type { RefObject } from "preact"
import { useLayoutEffect, useRef, useState } from "preact/hooks"
import type { VirtualizerHandle } from "virtua"
import { type ConversationEntry, type Message, timelineOf } from "../src/client/MiniChat.ts"
import { articleOf, articleWith, idOf } from "./messageActions.ts"
import { messageKeys } from "./messageKeys.ts"
import type { Session } from "./session.ts"

interface Options {
  readonly session: Session
  readonly entry: ConversationEntry
  readonly messages: ReadonlyArray<Message>
  readonly box: RefObject<HTMLDivElement | null>
  readonly list: RefObject<VirtualizerHandle | null>
}

/** One message is a stop of the Tab key: the one with the focus, else the newest. It stays in the page, also out of sight. */
export const useMessageFocus = ({ session, entry, messages, box, list }: Options) => {
  const [focused, setFocused] = useState<number>()
  const wanted = useRef<number>(undefined)
  const at = focused === undefined ? -1 : messages.findIndex(({ id }) => id === focused)

  /** Focuses the message that was gone to, once it is there: one that was not measured yet is hidden. */
  const settle = () => {
    if (wanted.current === undefined) return
    const article = articleWith(session, wanted.current)
    article?.focus({ preventScroll: true })
    if (article !== null && article === document.activeElement) wanted.current = undefined
  }
  const jump = session.target.value
  const made = useRef<typeof jump>(undefined)
  // Whoever jumps to a message goes on from there, once those around it are loaded.
  useLayoutEffect(() => {
    if (jump === undefined || jump === made.current || timelineOf(session.client.state, entry.id)?.isLoading)
      return
    const message = messages.find(({ id }) => id >= jump.id)
    if (message === undefined) return
    made.current = jump
    wanted.current = message.id
    setFocused(message.id)
  })
  useLayoutEffect(settle)
  const focusAt = (index: number) => {
    wanted.current = messages[index]?.id
    setFocused(wanted.current)
    list.current?.scrollToIndex(index, { align: "nearest" })
    settle()
  }
  return {
    index: at < 0 ? messages.length - 1 : at,
    settle,
    onKeyDown: messageKeys(session, entry, messages, focusAt),
    onFocusIn: ({ target }: FocusEvent) => setFocused(idOf(articleOf(target))),
    onFocusOut: ({ relatedTarget }: FocusEvent) => {
      if (relatedTarget instanceof Node && box.current?.contains(relatedTarget)) return
      if (relatedTarget !== null) wanted.current = undefined
      setFocused(undefined)
    }
  }
}
