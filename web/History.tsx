import { useEffect, useMemo, useRef, useState } from "preact/hooks"
import { Virtualizer, type VirtualizerHandle } from "virtua"
import {
  type ConversationEntry,
  type Message,
  messagesOf,
  type OutboxEntry,
  outgoingOf,
  timelineOf
} from "../src/client/MiniChat.ts"
import { dayName, isSameDay } from "./format.ts"
import { MessageBubble } from "./MessageBubble.tsx"
import { OutgoingBubble } from "./OutgoingBubble.tsx"
import type { Session } from "./session.ts"
import { useFirstDraw } from "./useFirstDraw.ts"
import { useHistoryScroll } from "./useHistoryScroll.ts"
import { useIsDrawn } from "./useIsDrawn.ts"
import { useMessageFocus } from "./useMessageFocus.ts"
import { useReadMarks } from "./useReadMarks.ts"
import { useView } from "./useView.ts"

/** Messages of one sender within this time stand together, in milliseconds. */
const GROUP_WITHIN = 300_000

/** A message of the server, or one that waits to be sent. */
type Row = Message | OutboxEntry

const timeOfRow = (row: Row) => new Date("client_id" in row ? row.created_at : row.timestamp)

const senderOfRow = (row: Row, self: number) => ("client_id" in row ? self : row.sender_id)

/** The messages. Those in sight are in the page, and a few around them, however many are loaded. */
export const History = ({ session, entry }: { session: Session; entry: ConversationEntry }) => {
  const self = session.account.userId
  const timeline = useView(() => timelineOf(session.state.value, entry.id), [session, entry.id])
  const messages = useView(() => messagesOf(session.state.value, entry.id), [session, entry.id])
  const outgoing = useView(() => outgoingOf(session.state.value, entry.id), [session, entry.id])
  const waiting = outgoing.filter(
    ({ message }) => message === undefined || !messages.some(({ id }) => id === message.id)
  )
  const rows: ReadonlyArray<Row> = [...messages, ...waiting]
  const { id, kind, role } = entry
  // The entry is another one with each message of the conversation, and all bubbles would be drawn anew.
  const place = useMemo(() => ({ id, kind, role }), [id, kind, role])
  const box = useRef<HTMLDivElement>(null)
  const list = useRef<VirtualizerHandle>(null)
  const scroll = useHistoryScroll({ session, entry, timeline, messages, box, list })
  const focus = useMessageFocus({ session, entry, messages, box, list })
  const unread = useReadMarks({ session, entry, timeline, messages, box, list, isAtEnd: scroll.isAtEnd })
  const first = useFirstDraw(
    session,
    rows.map((row) => ("content" in row ? row.content.length : 0)),
    focus.index
  )
  const isLive = useIsDrawn(useIsDrawn(scroll.isAtEnd && timeline?.isLoading === false))

  // A virtualizer that is there before the rows draws the oldest of them first, and those in sight a frame later.
  return (
    <div class="history-frame">
      <div
        ref={box}
        class="history"
        data-end={scroll.isAtEnd}
        role="log"
        // What comes into the page at first, or while somebody scrolls, is not new, and is not read out.
        aria-live={isLive ? "polite" : "off"}
        aria-label="Messages"
        onScroll={() => {
          scroll.onScroll()
          unread.onScroll()
        }}
        onKeyDown={focus.onKeyDown}
        onFocusIn={focus.onFocusIn}
        onFocusOut={focus.onFocusOut}
      >
        {timeline === undefined || (timeline.isLoading && messages.length === 0) ? (
          <Skeletons />
        ) : messages.length === 0 && waiting.length === 0 ? (
          <p class="hint">Nothing here yet. Write the first message below.</p>
        ) : null}
        {rows.length > 0 && (
          <Virtualizer
            ref={list}
            scrollRef={box}
            data={rows}
            shift={scroll.isShifted}
            {...first.options}
            onResize={() => {
              scroll.onResize()
              focus.settle()
            }}
          >
            {(row, i) => {
              const before = rows[i - 1]
              const at = timeOfRow(row)
              const isNewDay = before === undefined || !isSameDay(at, timeOfRow(before))
              const isFirstUnread = "id" in row && row.id === unread.first
              const isGrouped =
                !isNewDay &&
                !isFirstUnread &&
                senderOfRow(before, self) === senderOfRow(row, self) &&
                at.getTime() - timeOfRow(before).getTime() < GROUP_WITHIN
              if ("client_id" in row) {
                const { command } = row
                const quoted = command.type === "send" ? command.reply_to_id : undefined
                return (
                  <div key={row.client_id} class="line">
                    {isNewDay && <p class="day">{dayName(at)}</p>}
                    <OutgoingBubble
                      session={session}
                      item={row}
                      isGrouped={isGrouped}
                      quote={quoted === undefined ? undefined : messages.find(({ id }) => id === quoted)}
                    />
                  </div>
                )
              }
              return (
                <div key={row.id} class="line">
                  {isNewDay && <p class="day">{dayName(at)}</p>}
                  {isFirstUnread && <p class="day new">New messages</p>}
                  <MessageBubble
                    session={session}
                    place={place}
                    message={row}
                    isGrouped={isGrouped}
                    isTabStop={i === focus.index}
                  />
                </div>
              )
            }}
          </Virtualizer>
        )}
      </div>
      {first.isDrawn && unread.above > 0 && (
        <button type="button" class="jump up" onClick={unread.toFirst}>
          ↑ {unread.above >= 100 ? "99+" : unread.above} new
        </button>
      )}
      {!scroll.isAtEnd && (
        <button type="button" class="jump down" onClick={scroll.toNewest}>
          ↓ Newest
        </button>
      )}
    </div>
  )
}

/** How long nothing stands in place of messages that are being loaded, in milliseconds. Most of them are there before. */
const PATIENCE = 150

/** Grey shapes in place of messages that take long to load. */
const Skeletons = () => {
  const [isLate, setIsLate] = useState(false)
  useEffect(() => {
    const timer = setTimeout(() => setIsLate(true), PATIENCE)
    return () => clearTimeout(timer)
  }, [])
  return isLate ? (
    <div class="skeletons bubbles" aria-hidden="true">
      <i />
      <i />
      <i />
      <i />
      <i />
    </div>
  ) : null
}
