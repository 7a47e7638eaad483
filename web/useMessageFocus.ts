import type { RefObject } from "preact"
import { useLayoutEffect, useRef } from "preact/hooks"
import type { VirtualizerHandle } from "virtua"
import { type ConversationEntry, type Message, timelineOf } from "../src/client/MiniChat.ts"
import { articleOf, articleWith, idOf } from "./messageActions.ts"
import { messageKeys } from "./messageKeys.ts"
import type { Session } from "./session.ts"
import { useRovingFocus } from "./useRovingFocus.ts"

interface Options {
  readonly session: Session
  readonly entry: ConversationEntry
  readonly messages: ReadonlyArray<Message>
  readonly box: RefObject<HTMLDivElement | null>
  readonly list: RefObject<VirtualizerHandle | null>
}

/** One message is a stop of the Tab key: the one with the focus, else the newest. It stays in the page, also out of sight. */
export const useMessageFocus = ({ session, entry, messages, box, list }: Options) => {
  const { at, settle, want, focusAt, onFocusIn, onFocusOut } = useRovingFocus({
    items: messages,
    elementOf: (id) => articleWith(session, id),
    idOf: (target) => idOf(articleOf(target)),
    box,
    list
  })
  const jump = session.target.value
  const made = useRef<typeof jump>(undefined)
  // Whoever jumps to a message goes on from there, once those around it are loaded.
  useLayoutEffect(() => {
    if (jump === undefined || jump === made.current || timelineOf(session.client.state, entry.id)?.isLoading)
      return
    const message = messages.find(({ id }) => id >= jump.id)
    if (message === undefined) return
    made.current = jump
    want(message.id)
    settle()
  })
  return {
    index: at < 0 ? messages.length - 1 : at,
    settle,
    onKeyDown: messageKeys(session, entry, messages, focusAt),
    onFocusIn,
    onFocusOut
  }
}
