import { type ConversationEntry, conversationOf, type Message } from "../src/client/MiniChat.ts"
import { Avatar } from "./Avatar.tsx"
import { ConversationRow } from "./ConversationRow.tsx"
import { shortTime } from "./format.ts"
import { authorOf, titleOf } from "./names.ts"
import type { Session } from "./session.ts"
import { useAnswer } from "./useAnswer.ts"
import { usePeople } from "./usePeople.ts"

/** How many users and messages are shown at first. */
const PEOPLE = 5
const MESSAGES = 20

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
  const wanted = words.toLocaleLowerCase()
  const conversations = session.conversations.value.filter((entry) =>
    titleOf(entry).toLocaleLowerCase().includes(wanted)
  )
  const known = new Set(conversations.map((entry) => entry.with?.user_id))
  const people = usePeople(session, words)
  const others = people.value?.users.filter(({ id }) => !known.has(id)).slice(0, PEOPLE) ?? []
  const found = useAnswer(words.trim(), (text) => session.client.search(text, { limit: MESSAGES }))
  const messages = found.value?.messages ?? []
  const error = found.error ?? people.error
  const isDone = [people, found].every((answer) => answer.value !== undefined || answer.error !== undefined)
  const nothing = conversations.length + others.length + messages.length === 0
  return (
    <section class="list" aria-label="Search results" aria-busy={!isDone}>
      <Section title="Conversations" entries={conversations}>
        {(entry) => (
          <li key={entry.id}>
            <ConversationRow session={session} entry={entry} />
          </li>
        )}
      </Section>
      <Section title="People" entries={others}>
        {({ id, display_name, username }) => (
          <li key={id}>
            <button
              type="button"
              class="conversation"
              onClick={async () => {
                await session.startWith(id)
                onDone()
              }}
            >
              <Avatar id={id} name={display_name} />
              <span class="title">{display_name}</span>
              <span class="preview">{username}</span>
            </button>
          </li>
        )}
      </Section>
      <Section title="Messages" entries={messages}>
        {(message) => <FoundMessage key={message.id} session={session} message={message} />}
      </Section>
      {error !== undefined && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
      {isDone && nothing && error === undefined && (
        <p class="hint" role="status">
          Nothing has these words. A search finds whole words, and the beginning of the last one.
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

const FoundMessage = ({ session, message }: { session: Session; message: Message }) => {
  const id = message.conversation_id
  const entry: ConversationEntry | undefined =
    id === undefined ? undefined : conversationOf(session.state.value, id)
  const author = authorOf(session.state.value, message)
  const isOurs = message.sender_id === session.account.userId
  const name = isOurs ? (session.me.value?.display_name ?? author) : author
  return (
    <li>
      <button
        type="button"
        class="conversation"
        onClick={() => id !== undefined && session.jump(id, message.id)}
      >
        <Avatar id={message.sender_id} name={name} />
        <span class="title">{entry === undefined ? author : titleOf(entry)}</span>
        <time dateTime={message.timestamp}>{shortTime(new Date(message.timestamp))}</time>
        <span class="preview">
          {(entry?.kind === "group" || isOurs) && `${author}: `}
          {message.content}
        </span>
      </button>
    </li>
  )
}
