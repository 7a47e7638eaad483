import type { Message, OutboxEntry } from "../src/client/MiniChat.ts"
import { timeOf } from "./format.ts"
import { LinkedText } from "./LinkedText.tsx"
import type { Session } from "./session.ts"

interface Props {
  readonly session: Session
  readonly item: OutboxEntry
  /** Whether it belongs to the message before it. */
  readonly isGrouped: boolean
  /** The message that it answers, when it is loaded. */
  readonly quote: Message | undefined
}

/** What stands beside the time. A message that is sent at once does not change its width. */
const STATES = { queued: "◷ waiting", sending: "◷", sent: "✓", failed: "not sent" } as const

/** A message that waits, is on its way, or was refused. It looks as it will once the server has it. */
export const OutgoingBubble = ({ session, item, isGrouped, quote }: Props) => {
  if (item.command.type !== "send") return null
  const isFailed = item.state === "failed"
  return (
    <article
      class="message"
      data-mine="true"
      data-grouped={isGrouped}
      data-state={item.state}
      aria-label="You, not sent yet"
    >
      <div class="bubble">
        {quote !== undefined && (
          <p class="quote">{quote.content === "" ? "Deleted message" : quote.content}</p>
        )}
        <LinkedText text={item.command.content} />
        <span class="meta">
          <time>{timeOf(new Date(item.created_at))}</time>
          <span class="state"> {STATES[item.state]}</span>
        </span>
      </div>
      {isFailed && (
        <p class="error" role="alert">
          {item.failure?.message}{" "}
          <button type="button" onClick={() => session.attempt(session.client.retry(item.client_id))}>
            Try again
          </button>
          <button type="button" onClick={() => session.attempt(session.client.discard(item.client_id))}>
            Discard
          </button>
        </p>
      )}
    </article>
  )
}
