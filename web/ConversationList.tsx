import { useEffect, useRef } from "preact/hooks"
import { type CustomItemComponentProps, Virtualizer, type VirtualizerHandle } from "virtua"
import { ConversationRow } from "./ConversationRow.tsx"
import { isNearEnd } from "./nearEnd.ts"
import type { Session } from "./session.ts"
import { useRowFocus } from "./useRowFocus.ts"

/** A place in the list. Assistive technology hears where it is, as most places are not in the page. */
const Place = ({ index, ...rest }: CustomItemComponentProps) => (
  <li aria-posinset={index + 1} aria-setsize={-1} {...rest} />
)

/** The conversations by activity. Those in sight are in the page, and a few around them; further ones are loaded on the way down. */
export const ConversationList = ({ session }: { session: Session }) => {
  const all = session.conversations.value
  const { list: loaded, status } = session.state.value
  const selected = session.selected.value
  const box = useRef<HTMLDivElement>(null)
  const list = useRef<VirtualizerHandle>(null)
  const isLoading = useRef(false)
  const focus = useRowFocus({ entries: all, selected, box, list })

  const loadMore = async () => {
    if (isLoading.current || loaded.next === null || !isNearEnd(box.current!)) return
    isLoading.current = true
    // Without a connection the banner says so, and being back loads it.
    await session.client.loadConversations().catch(() => {})
    isLoading.current = false
  }
  useEffect(() => {
    loadMore()
  }, [all.length, loaded.next, status.type])
  useEffect(() => {
    const index = all.findIndex(({ id }) => id === selected)
    if (index >= 0) list.current?.scrollToIndex(index, { align: "nearest" })
  }, [selected])
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
