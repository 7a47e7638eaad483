import type { Message, OutboxEntry } from "../src/client/MiniChat.ts"
import { timeOf } from "./format.ts"
import { LinkedText } from "./LinkedText.tsx"
import { QuoteText } from "./QuoteText.tsx"
import { Refused } from "./Refused.tsx"
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
  return (
    <article
      class="message"
      // Its writer knows it.
      aria-live="off"
      data-mine="true"
      data-grouped={isGrouped}
      data-state={item.state}
      aria-label="You, not sent yet"
    >
      <div class="bubble">
        {quote !== undefined && (
          <p class="quote">
            <QuoteText session={session} quote={quote} />
          </p>
        )}
        <LinkedText text={item.command.content} />
        <span class="meta">
          <time>{timeOf(new Date(item.created_at))}</time>
          <span class="state"> {STATES[item.state]}</span>
        </span>
      </div>
      {item.state === "failed" && <Refused session={session} item={item} />}
    </article>
  )
}
