import { useEffect, useRef } from "preact/hooks"
import { conversationOf, type Message } from "../src/client/MiniChat.ts"
import { Avatar } from "./Avatar.tsx"
import { shortTime } from "./format.ts"
import { Icon } from "./Icon.tsx"
import { senderOf, titleOf } from "./names.ts"
import type { Session } from "./session.ts"
import { useAuthor } from "./useAuthor.ts"
import type { Search } from "./useSearch.ts"

/** The messages that a search found, and how far it is. */
export const FoundMessages = ({ session, search }: { session: Session; search: Search }) => {
  const { messages, next, isSearching, error } = search
  const box = useRef<HTMLElement>(null)
  /** The message that the focus goes to once it is there: the first one that the button has found. */
  const awaited = useRef<number>(undefined)
  useEffect(() => {
    if (awaited.current === undefined || isSearching) return
    const row = box.current?.querySelectorAll<HTMLElement>(".conversation")[awaited.current]
    const end = box.current?.querySelector<HTMLElement>("[role=status]")
    if (row !== undefined) row.focus()
    else if (next === null) end?.focus()
    else return
    awaited.current = undefined
  }, [messages.length, next, isSearching])
  return (
    <section ref={box}>
      {messages.length > 0 && <h2 class="section">Messages</h2>}
      <ul>
        {messages.map((message) => (
          <FoundMessage key={message.id} session={session} message={message} />
        ))}
      </ul>
      {error !== undefined && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
      <p class="hint" role="status" tabIndex={-1}>
        {isSearching
          ? next === undefined
            ? "Searching…"
            : "Searching older messages…"
          : next === null && messages.length > 0
            ? "These are all messages with these words."
            : null}
      </p>
      {next !== null && (messages.length > 0 || error !== undefined) && (
        <button
          type="button"
          class="more"
          aria-disabled={isSearching}
          onClick={() => {
            awaited.current = messages.length
            search.more()
          }}
        >
          {error === undefined ? "More messages" : "Try again"}
        </button>
      )}
    </section>
  )
}

const FoundMessage = ({ session, message }: { session: Session; message: Message }) => {
  const state = session.state.value
  const id = message.conversation_id
  const entry = id === undefined ? undefined : conversationOf(state, id)
  const { name, isComing } = useAuthor(session, message)
  const author = name ?? ""
  const isOurs = message.sender_id === state.userId
  const sender = senderOf(session, message)
  const me = session.me.value
  return (
    <li class="found">
      <button
        type="button"
        class="conversation"
        onClick={() => id !== undefined && session.jump(id, message.id)}
      >
        <Avatar
          id={message.sender_id}
          name={isOurs ? (me?.display_name ?? author) : author}
          url={isOurs ? me?.avatar_url : sender?.avatar_url}
        />
        <span class="title">
          {entry !== undefined ? titleOf(entry) : isComing ? <i class="unnamed" /> : author}
        </span>
        <time dateTime={message.timestamp}>{shortTime(new Date(message.timestamp))}</time>
        <span class="preview">
          {(entry?.kind === "group" || isOurs) && (isComing ? <i class="unnamed" /> : `${author}: `)}
          {message.content}
        </span>
      </button>
      {sender !== undefined && (
        <button
          type="button"
          class="icon"
          title={`About ${sender.display_name}`}
          aria-label={`About ${sender.display_name}`}
          onClick={() => session.showPerson(sender)}
        >
          <Icon name="about" />
        </button>
      )}
    </li>
  )
}
