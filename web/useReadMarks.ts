import type { RefObject } from "preact"
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks"
import type { VirtualizerHandle } from "virtua"
import type { ConversationEntry, Message, Timeline } from "../src/client/MiniChat.ts"
import type { Session } from "./session.ts"

interface Options {
  readonly session: Session
  readonly entry: ConversationEntry
  readonly timeline: Timeline | undefined
  readonly messages: ReadonlyArray<Message>
  readonly box: RefObject<HTMLDivElement | null>
  readonly list: RefObject<VirtualizerHandle | null>
  readonly isAtEnd: boolean
}

/** Marks as read what is in sight, and remembers what was unread when the conversation was opened. */
export const useReadMarks = ({ session, entry, timeline, messages, box, list, isAtEnd }: Options) => {
  const [readUntil] = useState(entry.last_read_id)
  const [above, setAbove] = useState(entry.unread)
  /** A message that arrives while its reader watches has no line above it. */
  const [hadUnread] = useState(entry.unread > 0)
  const last = messages.at(-1)?.id
  /** The last one that was marked. It is not marked again when that is refused. */
  const marked = useRef(0)
  useEffect(() => {
    const read = () => {
      const isSeen = isAtEnd && document.visibilityState === "visible"
      if (last === undefined || !isSeen || last <= Math.max(entry.last_read_id, marked.current)) return
      marked.current = last
      session.client.markRead(entry.id, last).catch(() => {})
    }
    read()
    document.addEventListener("visibilitychange", read)
    return () => document.removeEventListener("visibilitychange", read)
  }, [last, isAtEnd, entry.last_read_id])

  /** Whether all that was unread is loaded. */
  const isWhole = timeline?.hasOlder === false || (messages[0]?.id ?? Number.POSITIVE_INFINITY) <= readUntil
  const index = messages.findIndex(
    ({ id, sender_id }) => id > readUntil && sender_id !== session.account.userId
  )
  const first = hadUnread && isWhole && readUntil > 0 ? messages[index]?.id : undefined

  /** Nothing is above any more once the first one was in sight. */
  const update = () => {
    if (above === 0 || !isWhole || messages.length === 0 || box.current === null) return
    if (index < 0 || list.current!.getItemOffset(index) >= box.current!.scrollTop) setAbove(0)
  }
  // Before it is drawn: most of the time the first one is in sight at once.
  useLayoutEffect(update)
  return {
    /** The message that the line above the new ones stands at. */
    first,
    /** How many unread messages there were, while the first of them was not in sight. */
    above: messages.length === 0 ? 0 : above,
    onScroll: update,
    toFirst: () => session.jump(entry.id, first ?? readUntil + 1)
  }
}
