import type { RefObject } from "preact"
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks"
import type { VirtualizerHandle } from "virtua"
import { type ConversationEntry, type Message, type Timeline, timelineOf } from "../src/client/MiniChat.ts"
import type { Session } from "./session.ts"
import { useLoading } from "./useLoading.ts"
import { useView } from "./useView.ts"

/** How near to the end of the history counts as being there, in pixels. */
const NEAR = 80

/** How near to an end of what is loaded more is loaded, in heights of the history. */
const AHEAD = 2

/** How often the end of a history is scrolled to, at most. */
const TRIES = 20

interface Options {
  readonly session: Session
  readonly entry: ConversationEntry
  readonly timeline: Timeline | undefined
  readonly messages: ReadonlyArray<Message>
  readonly box: RefObject<HTMLDivElement | null>
  readonly list: RefObject<VirtualizerHandle | null>
}

/**
 * Where the history stands: at the newest message while it is there, at a message that was jumped to, and else where it is, also
 * when older messages are loaded above.
 */
export const useHistoryScroll = ({ session, entry, timeline, messages, box, list }: Options) => {
  const place = useRef({
    first: 0,
    isAtEnd: true,
    /** How far down it was scrolled when that was looked at last, in pixels. */
    top: 0,
    isMeasured: false,
    /** The jump that was made last. */
    target: undefined as Session["target"]["value"],
    /** How many messages were written before the one that was shown last. */
    sent: session.sent.value
  })
  const [isAtEnd, setIsAtEnd] = useState(true)
  const status = useView(() => session.state.value.status.type, [session])
  const first = messages[0]?.id ?? 0
  const target = session.target.value
  const { first: before } = place.current
  /** Whether there are older messages than the last time, above those of that time. */
  const isShifted = first < before && messages.some(({ id }) => id === before)

  const setAtEnd = (next: boolean) => {
    place.current.isAtEnd = next
    setIsAtEnd(next)
  }
  const distances = () => {
    const { scrollTop, scrollHeight, clientHeight } = box.current!
    return { scrollTop, clientHeight, left: scrollHeight - scrollTop - clientHeight }
  }
  const look = () => {
    const { scrollTop, left } = distances()
    place.current.top = scrollTop
    // Of this moment: what was drawn last may be older than what is loaded.
    setAtEnd(left < NEAR && timelineOf(session.client.state, entry.id)?.hasNewer !== true)
  }
  /** Goes to the end again, if it was there. The virtualizer may have moved up to `moved` pixels by itself. */
  const stay = (moved = 0) => {
    const { current } = box
    if (current === null || list.current === null || !place.current.isAtEnd) return
    // Somebody has scrolled up, and the event of it has not come yet.
    if (current.scrollTop < place.current.top - moved) look()
    if (!place.current.isAtEnd) return
    current.scrollTo({ top: current.scrollHeight })
    place.current.top = current.scrollTop
  }
  useLayoutEffect(() => {
    place.current.first = first
    if (target === place.current.target || target === undefined) return stay()
    // Loaded around it, the messages may lack the very one.
    const index = messages.findIndex(({ id }) => id >= target.id)
    if (timeline === undefined || timeline.isLoading || index < 0) return
    place.current.target = target
    const { scrollHeight, clientHeight } = box.current!
    // All of a short history is in sight, its end as well.
    setAtEnd(scrollHeight - clientHeight < NEAR && !timeline.hasNewer)
    list.current?.scrollToIndex(index, { align: "center" })
  })

  /** Whether messages were measured, which are hidden before: until then the height of the history is a guess. */
  const isMeasured = () => {
    const { current } = place
    if (current.isMeasured) return true
    const drawn = [...(box.current?.querySelectorAll(".message") ?? [])]
    current.isMeasured =
      drawn.length > 0 && drawn.every((message) => message.checkVisibility({ visibilityProperty: true }))
    return current.isMeasured
  }
  const loadMore = () => {
    if (isLoading() || timeline === undefined || !isMeasured()) return
    const { scrollTop, clientHeight, left } = distances()
    if (scrollTop < AHEAD * clientHeight && timeline.hasOlder) load(session.client.loadOlder(entry.id))
    else if (left < AHEAD * clientHeight && timeline.hasNewer) load(session.client.loadNewer(entry.id))
  }
  const { isLoading, load } = useLoading(session, loadMore)
  // Whoever scrolled while messages were loaded may be near the end of these.
  useEffect(loadMore, [messages.length, first, status])
  const onScroll = () => {
    // The event of the last scroll may come after the history has gone.
    if (box.current === null) return
    look()
    loadMore()
  }
  const toNewest = async () => {
    if (timeline?.hasNewer) await session.client.open(entry.id)
    // What is drawn on the way is measured only then, and moves the end: it is scrolled to until it is there.
    for (let tries = 0; tries < TRIES && box.current !== null; tries++) {
      box.current.scrollTo({ top: box.current.scrollHeight })
      place.current.top = box.current.scrollTop
      setAtEnd(true)
      await new Promise(requestAnimationFrame)
      await new Promise(requestAnimationFrame)
      if (box.current === null || distances().left < NEAR) break
    }
  }
  const sent = session.sent.value
  useEffect(() => {
    if (sent === place.current.sent) return
    place.current.sent = sent
    toNewest()
  }, [sent])
  const onResize = () => {
    if (box.current === null) return
    // Measuring moves what is above those in sight by less than the height of the history.
    stay(box.current.clientHeight)
    loadMore()
  }
  return { isAtEnd, isShifted, onScroll, onResize, toNewest }
}
