import { useState } from "preact/hooks"
import { type Message, readersOf, refusedOf } from "../src/client/MiniChat.ts"
import { Actions } from "./Actions.tsx"
import { DeleteQuestion } from "./DeleteQuestion.tsx"
import { timeOf } from "./format.ts"
import { LinkedText } from "./LinkedText.tsx"
import { actionsOf, deleting, nameOf, type Place } from "./messageActions.ts"
import { QuoteText } from "./QuoteText.tsx"
import { Refused } from "./Refused.tsx"
import type { Session } from "./session.ts"
import { hasTouch } from "./touch.ts"
import { useAuthor } from "./useAuthor.ts"
import { useView } from "./useView.ts"

interface Props {
  readonly session: Session
  readonly place: Place
  readonly message: Message
  /** Whether it belongs to the message before it. */
  readonly isGrouped: boolean
  /** Whether the Tab key stops here. */
  readonly isTabStop: boolean
}

/** A message that the server has. */
export const MessageBubble = ({ session, place, message, isGrouped, isTabStop }: Props) => {
  const [isPointedAt, setIsPointedAt] = useState(false)
  const [hasFocus, setHasFocus] = useState(false)
  const [isTapped, setIsTapped] = useState(false)
  const isMine = message.sender_id === session.account.userId
  const isDeleted = message.deleted_at !== undefined
  const quote = message.reply_to
  const readers = useView(
    () => (isMine ? readersOf(session.state.value, place.id, message.id).length : 0),
    [session, place.id, message.id, isMine]
  )
  const author = useAuthor(session, message)
  const refused = useView(() => refusedOf(session.state.value, message.id), [session, message.id])
  const isTarget = useView(() => session.target.value?.id === message.id, [session, message.id])
  // Where fingers press, the actions are large: after a jump they would hide what is above the message that was jumped to.
  const hasActions = isPointedAt || (hasFocus && (isTapped || !isTarget || !hasTouch()))
  const time = timeOf(new Date(message.timestamp))
  return (
    <article
      class="message"
      tabIndex={isTabStop ? 0 : -1}
      aria-live={isMine ? "off" : undefined}
      data-mine={isMine}
      data-target={isTarget}
      data-grouped={isGrouped}
      data-state={refused.length > 0 ? "failed" : undefined}
      data-message={nameOf(session, message.id)}
      // A finger that has gone points at nothing.
      onPointerEnter={({ pointerType }) => setIsPointedAt(pointerType !== "touch")}
      onPointerLeave={() => setIsPointedAt(false)}
      onPointerUp={() => setIsTapped(true)}
      onFocusIn={() => setHasFocus(true)}
      onFocusOut={({ currentTarget, relatedTarget }) => {
        // The actions that the focus goes to must stay.
        const isWithin = relatedTarget instanceof Node && currentTarget.contains(relatedTarget)
        setHasFocus(isWithin)
        if (!isWithin) setIsTapped(false)
      }}
      aria-label={`${author.name ?? message.sender_username}, ${time}`}
    >
      {!isGrouped && !isMine && place.kind === "group" && (
        <p class="author" data-hue={message.sender_id % 6}>
          {author.isComing ? <i class="unnamed" /> : author.name}
        </p>
      )}
      <div class="bubble">
        {quote !== undefined && (
          <button type="button" class="quote" onClick={() => session.jump(place.id, quote.id)}>
            <QuoteText session={session} quote={{ ...quote, conversation_id: place.id }} />
          </button>
        )}
        {isDeleted ? <em class="gone">Deleted</em> : <LinkedText text={message.content} />}
        <span class="meta">
          {message.edited_at !== undefined && !isDeleted && "edited "}
          <time dateTime={message.timestamp}>{time}</time>
          {isMine && !isDeleted && (
            <span class="ticks" data-read={readers > 0}>
              <span aria-hidden="true">{readers > 0 ? "✓✓" : "✓"}</span>
              {readers > 0 && place.kind === "group" && <b aria-hidden="true">{readers}</b>}
              <span class="hidden">
                {readers === 0 ? ", sent" : place.kind === "group" ? `, read by ${readers}` : ", read"}
              </span>
            </span>
          )}
        </span>
      </div>
      {!isDeleted && hasActions && <Actions actions={actionsOf(session, place, message)} />}
      {message.reactions !== undefined && message.reactions.length > 0 && (
        <div class="reactions">
          {message.reactions.map(({ emoji, count, mine }) => (
            <button
              key={emoji}
              type="button"
              aria-pressed={mine ?? false}
              aria-label={`${emoji} ${count}`}
              onClick={() => session.attempt(session.client.react(place.id, message.id, emoji, !mine))}
            >
              {emoji} {count}
            </button>
          ))}
        </div>
      )}
      {deleting.value === nameOf(session, message.id) && !isDeleted && (
        <DeleteQuestion session={session} place={place} message={message} />
      )}
      {refused.map((item) => (
        <Refused key={item.client_id} session={session} item={item} />
      ))}
    </article>
  )
}
