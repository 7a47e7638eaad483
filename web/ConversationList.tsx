import { useSignalEffect } from "@preact/signals"
import { useEffect, useRef } from "preact/hooks"
import { type CustomItemComponentProps, Virtualizer, type VirtualizerHandle } from "virtua"
import { ConversationRow } from "./ConversationRow.tsx"
import { isNearEnd } from "./nearEnd.ts"
import type { Session } from "./session.ts"
import { useLoading } from "./useLoading.ts"
import { useRowFocus } from "./useRowFocus.ts"
import { useView } from "./useView.ts"

/** A place in the list. Assistive technology hears where it is, as most places are not in the page. */
const Place = ({ index, ...rest }: CustomItemComponentProps) => (
  <li aria-posinset={index + 1} aria-setsize={-1} {...rest} />
)

/** The conversations by activity. Those in sight are in the page, and a few around them; further ones are loaded on the way down. */
export const ConversationList = ({ session }: { session: Session }) => {
  const all = session.conversations.value
  const next = useView(() => session.state.value.list.next, [session])
  const status = useView(() => session.state.value.status.type, [session])
  const box = useRef<HTMLDivElement>(null)
  const list = useRef<VirtualizerHandle>(null)
  const focus = useRowFocus({ entries: all, selected: session.selected.value, box, list })
  const loadMore = () => {
    if (!isLoading() && next !== null && isNearEnd(box.current!)) load(session.client.loadConversations())
  }
  const { isLoading, load } = useLoading(session, loadMore)
  useEffect(loadMore, [all.length, next, status])
  // The one with the latest activity is the likeliest to be selected first.
  useEffect(() => session.expect(all[0]?.id, 0), [session, status === "connecting"])
  useSignalEffect(() => {
    const selected = session.selected.value
    const index = session.conversations.peek().findIndex(({ id }) => id === selected)
    if (index >= 0) list.current?.scrollToIndex(index, { align: "nearest" })
  })
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the keys and the focus are those of the rows in it
    <div
      ref={box}
      class="list"
      onScroll={loadMore}
      onKeyDown={focus.onKeyDown}
      onFocusIn={focus.onFocusIn}
      onFocusOut={focus.onFocusOut}
    >
      <Virtualizer
        ref={list}
        data={all}
        as="ul"
        item={Place}
        keepMounted={[focus.index]}
        onResize={focus.settle}
      >
        {(entry, index) => (
          <ConversationRow key={entry.id} session={session} entry={entry} isTabStop={index === focus.index} />
        )}
      </Virtualizer>
    </div>
  )
}
