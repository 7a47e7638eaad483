import { type ConversationEntry, type Message, typingIn } from "../src/client/MiniChat.ts"
import { Avatar } from "./Avatar.tsx"
import { choose } from "./focus.ts"
import { shortTime } from "./format.ts"
import { titleOf } from "./names.ts"
import type { Session } from "./session.ts"
import { unsentOf } from "./unsent.ts"
import { useAuthor } from "./useAuthor.ts"
import { useView } from "./useView.ts"

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
  const title = titleOf(entry)
  const last = entry.last_message
  const isOnline = useView(
    () => entry.with !== undefined && session.state.value.presence.get(entry.with.user_id)?.online === true,
    [session, entry]
  )
  const isTyping = useView(() => typingIn(session.state.value, entry.id).length > 0, [session, entry.id])
  const isSelected = useView(() => session.selected.value === entry.id, [session, entry.id])
  const unsent = useView(() => unsentOf(session.state.value, entry.id), [session, entry.id])
  const isOurs = last?.sender_id === session.account.userId
  return (
    <button
      type="button"
      class="conversation"
      aria-current={isSelected ? "true" : undefined}
      // Most of the way is done when the button is let go. A finger may be about to scroll.
      onPointerDown={({ pointerType, button }) => {
        if (pointerType !== "touch" && button === 0) session.prepare(entry.id)
      }}
      onPointerMove={({ pointerType }) => session.expect(pointerType === "touch" ? undefined : entry.id)}
      onPointerLeave={() => session.expect()}
      onFocus={() => session.expect(entry.id)}
      onClick={() => choose(session, entry.id)}
      data-conversation={entry.id}
      tabIndex={isTabStop ? 0 : -1}
    >
      <Avatar
        id={entry.with?.user_id ?? entry.id}
        name={title}
        url={entry.with?.avatar_url}
        isOnline={isOnline}
        isGroup={entry.kind === "group"}
      />
      <span class="title">
        {title}
        {isOnline && <span class="hidden">, online</span>}
      </span>
      {last !== null && <time dateTime={last.timestamp}>{shortTime(new Date(last.timestamp))}</time>}
      <span class="preview" data-typing={isTyping} data-unsent={unsent?.mark}>
        {unsent !== undefined ? (
          `${unsent.mark === "failed" ? "Not sent" : "◷ Waiting"}: ${unsent.content}`
        ) : isTyping ? (
          "typing…"
        ) : last === null ? (
          "No messages yet"
        ) : (
          <Preview session={session} message={last} hasAuthor={entry.kind === "group" || isOurs} />
        )}
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

/** What was written last, after who wrote it. */
const Preview = ({
  session,
  message,
  hasAuthor
}: {
  session: Session
  message: Message
  hasAuthor: boolean
}) => {
  const { name, isComing } = useAuthor(session, message)
  const text = message.deleted_at === undefined ? message.content : "Deleted message"
  return (
    <>
      {hasAuthor && (isComing ? <i class="unnamed" /> : `${name}: `)}
      {text}
    </>
  )
}
