import type { ConversationEntry, Message } from "../src/client/MiniChat.ts"
import { Icon } from "./Icon.tsx"
import type { Session } from "./session.ts"

const EMOJI = ["👍", "❤️", "😂", "😮", "😢", "🙏"]

interface Props {
  readonly session: Session
  readonly entry: ConversationEntry
  readonly message: Message
  readonly isMine: boolean
}

/** What can be done with a message. Shown while the pointer or the focus is on it. */
export const Actions = ({ session, entry, message, isMine }: Props) => {
  const mayDelete = isMine || entry.role === "owner" || entry.role === "admin"
  const focusText = () => document.querySelector<HTMLElement>(`#text-${session.account.userId}`)?.focus()
  return (
    <div class="actions" role="toolbar" aria-label="Actions">
      {EMOJI.map((emoji) => (
        <button
          key={emoji}
          type="button"
          aria-label={`React with ${emoji}`}
          onClick={() =>
            session.attempt(
              session.client.react(
                entry.id,
                message.id,
                emoji,
                message.reactions?.find((one) => one.emoji === emoji)?.mine !== true
              )
            )
          }
        >
          {emoji}
        </button>
      ))}
      <button
        type="button"
        aria-label="Reply"
        title="Reply"
        onClick={() => {
          session.editing.value = undefined
          session.replyTo.value = message
          focusText()
        }}
      >
        <Icon name="reply" />
      </button>
      {isMine && (
        <button
          type="button"
          aria-label="Edit"
          title="Edit"
          onClick={() => {
            session.replyTo.value = undefined
            session.editing.value = message
            focusText()
          }}
        >
          <Icon name="edit" />
        </button>
      )}
      {mayDelete && (
        <button
          type="button"
          aria-label="Delete"
          title="Delete"
          onClick={() => session.attempt(session.client.remove(entry.id, message.id))}
        >
          <Icon name="remove" />
        </button>
      )}
    </div>
  )
}
