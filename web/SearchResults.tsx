import { useEffect, useRef } from "preact/hooks"
import { Avatar } from "./Avatar.tsx"
import { ConversationRow } from "./ConversationRow.tsx"
import { FoundMessages } from "./FoundMessages.tsx"
import { chooseUser } from "./focus.ts"
import { isNearEnd } from "./nearEnd.ts"
import type { Session } from "./session.ts"
import { useFoundConversations } from "./useFoundConversations.ts"
import { usePeople } from "./usePeople.ts"
import { useSearch } from "./useSearch.ts"

/** How many users are shown. */
const PEOPLE = 5

/** What the words in the search field find: conversations, people and messages. */
export const SearchResults = ({
  session,
  words,
  onDone
}: {
  session: Session
  words: string
  onDone: () => void
}) => {
  const { conversations, isOver: areAllLooked } = useFoundConversations(session, words)
  const known = new Set(conversations.map((entry) => entry.with?.user_id))
  const people = usePeople(session, words)
  const others = people.value?.users.filter(({ id }) => !known.has(id)).slice(0, PEOPLE) ?? []
  const search = useSearch(session, words)
  const { messages, next, canGoOn, error } = search
  const box = useRef<HTMLElement>(null)
  /** Goes on while the end is in sight; an answer without a message says nothing of those before it. */
  const loadMore = () => {
    if (canGoOn && error === undefined && (messages.length === 0 || isNearEnd(box.current!))) search.more()
  }
  useEffect(loadMore, [canGoOn, next, messages.length])
  const isOver = areAllLooked && next === null && (people.value !== undefined || people.error !== undefined)
  const isNothing = conversations.length + others.length + messages.length === 0
  return (
    <section
      ref={box}
      class="list"
      aria-label="Search results"
      aria-busy={search.isSearching || !areAllLooked}
      onScroll={loadMore}
    >
      <Section title="Conversations" entries={conversations}>
        {(entry) => (
          <li key={entry.id}>
            <ConversationRow session={session} entry={entry} />
          </li>
        )}
      </Section>
      {!areAllLooked && (
        <p class="hint" role="status">
          Searching conversations…
        </p>
      )}
      <Section title="People" entries={others}>
        {({ id, display_name, username, avatar_url }) => (
          <li key={id}>
            <button
              type="button"
              class="conversation"
              onClick={async () => {
                if (await chooseUser(session, id)) onDone()
              }}
            >
              <Avatar id={id} name={display_name} url={avatar_url} />
              <span class="title">{display_name}</span>
              <span class="preview">{username}</span>
            </button>
          </li>
        )}
      </Section>
      <FoundMessages session={session} search={search} />
      {people.error !== undefined && (
        <p class="error" role="alert">
          {people.error}
        </p>
      )}
      {isOver && isNothing && people.error === undefined && (
        <p class="hint" role="status">
          Nothing has these words. Type whole words; only the last one may be unfinished.
        </p>
      )}
    </section>
  )
}

const Section = <A,>({
  title,
  entries,
  children
}: {
  title: string
  entries: ReadonlyArray<A>
  children: (entry: A) => preact.JSX.Element
}) =>
  entries.length === 0 ? null : (
    <section>
      <h2 class="section">{title}</h2>
      <ul>{entries.map(children)}</ul>
    </section>
  )
