import type { ComponentProps } from "preact"
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
      <Action
        name="Reply"
        icon="reply"
        act={() => {
          session.editing.value = undefined
          session.replyTo.value = message
          focusText()
        }}
      />
      {isMine && (
        <Action
          name="Edit"
          icon="edit"
          act={() => {
            session.replyTo.value = undefined
            session.editing.value = message
            focusText()
          }}
        />
      )}
      {!isMine && (
        <Action
          name="Report"
          icon="flag"
          act={() => {
            session.reporting.value = message
            session.dialog.value = "report"
          }}
        />
      )}
      {mayDelete && (
        <Action
          name="Delete"
          icon="remove"
          act={() => session.attempt(session.client.remove(entry.id, message.id))}
        />
      )}
    </div>
  )
}

interface ActionProps {
  readonly name: string
  readonly icon: ComponentProps<typeof Icon>["name"]
  readonly act: () => void
}

const Action = ({ name, icon, act }: ActionProps) => (
  <button type="button" aria-label={name} title={name} onClick={act}>
    <Icon name={icon} />
  </button>
)
