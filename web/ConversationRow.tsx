import { type ConversationEntry, typingIn } from "../src/client/MiniChat.ts"
import { Avatar } from "./Avatar.tsx"
import { choose } from "./focus.ts"
import { shortTime } from "./format.ts"
import { authorOf, titleOf } from "./names.ts"
import type { Session } from "./session.ts"
import { unsentOf } from "./unsent.ts"

/** A conversation in the list. */
export const ConversationRow = ({
  session,
  entry,
  isTabStop = true
}: {
  session: Session
  entry: ConversationEntry
  /** Whether the Tab key stops here. */
  isTabStop?: boolean
}) => {
  const state = session.state.value
  const title = titleOf(entry)
  const last = entry.last_message
  const isOnline = entry.with !== undefined && state.presence.get(entry.with.user_id)?.online === true
  const isOurs = last?.sender_id === state.userId
  const author = last === null || (entry.kind === "direct" && !isOurs) ? "" : `${authorOf(state, last)}: `
  const preview =
    last === null ? "No messages yet" : last.deleted_at !== undefined ? "Deleted message" : last.content
  const unsent = unsentOf(state, entry.id)
  const isTyping = typingIn(state, entry.id).length > 0
  return (
    <button
      type="button"
      class="conversation"
      aria-current={session.selected.value === entry.id ? "true" : undefined}
      onClick={() => choose(session, entry.id)}
      data-conversation={entry.id}
      tabIndex={isTabStop ? 0 : -1}
    >
      <Avatar
        id={entry.with?.user_id ?? entry.id}
        name={title}
        url={entry.with?.avatar_url}
        isOnline={isOnline}
      />
      <span class="title">
        {title}
        {isOnline && <span class="hidden">, online</span>}
      </span>
      {last !== null && <time dateTime={last.timestamp}>{shortTime(new Date(last.timestamp))}</time>}
      <span class="preview" data-typing={isTyping} data-unsent={unsent?.mark}>
        {unsent !== undefined
          ? `${unsent.mark === "failed" ? "Not sent" : "◷ Waiting"}: ${unsent.content}`
          : isTyping
            ? "typing…"
            : author + preview}
      </span>
      {entry.unread > 0 && (
        <span class="count">
          {entry.unread >= 100 ? "99+" : entry.unread}
          <span class="hidden"> unread</span>
        </span>
      )}
    </button>
  )
}
