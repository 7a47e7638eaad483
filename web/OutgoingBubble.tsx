import type { OutboxEntry } from "../src/client/MiniChat.ts"
import { LinkedText } from "./LinkedText.tsx"
import type { Session } from "./session.ts"

/** A message that waits, is on its way, or was refused. */
export const OutgoingBubble = ({ session, item }: { session: Session; item: OutboxEntry }) => {
  if (item.command.type !== "send") return null
  const isFailed = item.state === "failed"
  return (
    <article class="message" data-mine="true" data-state={item.state} aria-label="You, not sent yet">
      <div class="bubble">
        <LinkedText text={item.command.content} />
        <span class="meta">
          {item.state === "queued"
            ? "◷ waiting"
            : item.state === "sending"
              ? "sending"
              : isFailed
                ? "not sent"
                : "✓"}
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
