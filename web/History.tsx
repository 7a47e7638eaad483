import { Fragment } from "preact"
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks"
import { type ConversationEntry, messagesOf, outgoingOf } from "../src/client/MiniChat.ts"
import { dayName, isSameDay } from "./format.ts"
import { MessageBubble } from "./MessageBubble.tsx"
import { messageKeys } from "./messageKeys.ts"
import { OutgoingBubble } from "./OutgoingBubble.tsx"
import type { Session } from "./session.ts"

/** Messages of one sender within this time stand together, in milliseconds. */
const GROUP_WITHIN = 300_000

/** How near to an end of the history counts as being there, in pixels. */
const NEAR = 80

/** Where the history stood when it was last drawn. */
interface Place {
  readonly first: number
  readonly height: number
  isAtEnd: boolean
  isLoading: boolean
  /** The message that was jumped to last. */
  readonly target: number | undefined
}

/** The messages. It stays at the newest one while it is there, and where it is when older ones are loaded. */
export const History = ({ session, entry }: { session: Session; entry: ConversationEntry }) => {
  const state = session.state.value
  const timeline = state.timelines.get(entry.id)
  const messages = messagesOf(state, entry.id)
  const outgoing = outgoingOf(state, entry.id).filter(
    (item) => !messages.some(({ id }) => id === item.message?.id)
  )
  const box = useRef<HTMLDivElement>(null)
  const place = useRef<Place>({ first: 0, height: 0, isAtEnd: true, isLoading: false, target: undefined })
  const [isAtEnd, setIsAtEnd] = useState(true)
  const [readUntil] = useState(entry.last_read_id)
  const first = messages[0]?.id ?? 0
  const last = messages.at(-1)?.id

  useLayoutEffect(() => {
    const { current } = box
    if (current === null) return
    const before = place.current
    const target = session.target.value
    const sought =
      target === undefined || target === before.target
        ? null
        : current.querySelector(`[data-message="${session.account.userId}-${target}"]`)
    if (sought !== null) {
      place.current = { ...before, first, height: current.scrollHeight, target, isAtEnd: false }
      setIsAtEnd(false)
      sought.scrollIntoView({ block: "center" })
      return
    }
    if (before.isAtEnd) current.scrollTop = current.scrollHeight
    else if (first < before.first) current.scrollTop += current.scrollHeight - before.height
    place.current = { ...before, first, height: current.scrollHeight }
  })
  useEffect(() => {
    const stay = new ResizeObserver(() => {
      if (box.current !== null && place.current.isAtEnd) box.current.scrollTop = box.current.scrollHeight
    })
    stay.observe(box.current!)
    return () => stay.disconnect()
  }, [])
  useEffect(() => {
    const read = () => {
      if (
        last !== undefined &&
        isAtEnd &&
        document.visibilityState === "visible" &&
        last > entry.last_read_id
      )
        session.client.markRead(entry.id, last).catch(() => {})
    }
    read()
    document.addEventListener("visibilitychange", read)
    return () => document.removeEventListener("visibilitychange", read)
  }, [last, isAtEnd, entry.last_read_id])

  const load = async (action: Promise<void>) => {
    place.current.isLoading = true
    await session.attempt(action)
    place.current.isLoading = false
  }
  const onScroll = () => {
    const { scrollTop, scrollHeight, clientHeight } = box.current!
    const isNearEnd = scrollHeight - scrollTop - clientHeight < NEAR
    place.current.isAtEnd = isNearEnd && timeline?.hasNewer !== true
    setIsAtEnd(place.current.isAtEnd)
    if (place.current.isLoading || timeline === undefined) return
    if (scrollTop < 4 * NEAR && timeline.hasOlder) load(session.client.loadOlder(entry.id))
    else if (isNearEnd && timeline.hasNewer) load(session.client.loadNewer(entry.id))
  }
  const toNewest = async () => {
    place.current.isAtEnd = true
    setIsAtEnd(true)
    if (timeline?.hasNewer) await session.client.open(entry.id)
    box.current?.scrollTo({ top: box.current.scrollHeight })
  }
  const firstUnread = messages.find(({ id, sender_id }) => id > readUntil && sender_id !== state.userId)?.id
  return (
    <div class="history-frame">
      <div
        ref={box}
        class="history"
        role="log"
        aria-label="Messages"
        onScroll={onScroll}
        onKeyDown={messageKeys(session, entry, messages)}
      >
        {timeline === undefined || (timeline.isLoading && messages.length === 0) ? (
          <div class="skeletons" aria-hidden="true">
            <i />
            <i />
            <i />
          </div>
        ) : messages.length === 0 && outgoing.length === 0 ? (
          <p class="hint">Nothing here yet. Write the first message below.</p>
        ) : null}
        {messages.map((message, i) => {
          const before = messages[i - 1]
          const at = new Date(message.timestamp)
          const isNewDay = before === undefined || !isSameDay(at, new Date(before.timestamp))
          const isGrouped =
            !isNewDay &&
            before.sender_id === message.sender_id &&
            message.id !== firstUnread &&
            at.getTime() - Date.parse(before.timestamp) < GROUP_WITHIN
          return (
            <Fragment key={message.id}>
              {isNewDay && <p class="day">{dayName(at)}</p>}
              {message.id === firstUnread && readUntil > 0 && <p class="day new">New messages</p>}
              <MessageBubble
                session={session}
                entry={entry}
                message={message}
                isGrouped={isGrouped}
                isNewest={message.id === last}
              />
            </Fragment>
          )
        })}
        {outgoing.map((item) => (
          <OutgoingBubble key={item.client_id} session={session} item={item} />
        ))}
      </div>
      {!isAtEnd && (
        <button type="button" class="newest" onClick={toNewest}>
          ↓ Newest
        </button>
      )}
    </div>
  )
}
