import { type ConversationEntry, type Member, type Message, readersOf } from "../src/client/MiniChat.ts"
import { Avatar } from "./Avatar.tsx"
import { Dialog } from "./Dialog.tsx"
import type { Session } from "./session.ts"

/** Which members of a group have read a message of this user, and which have not. */
export const ReadersDialog = ({
  session,
  entry,
  message,
  onClose
}: {
  session: Session
  entry: ConversationEntry
  message: Message
  onClose: () => void
}) => {
  const state = session.state.value
  const readers = new Set(readersOf(state, entry.id, message.id))
  const members = state.members.get(entry.id)
  const others = [...(members?.values() ?? [])].filter(({ user_id }) => user_id !== state.userId)
  return (
    <Dialog title="Who has read it" onClose={onClose}>
      <div class="form">
        <blockquote class="quoted">{message.content}</blockquote>
        {members === undefined && (
          <p class="hint" role="status">
            Loading the members…
          </p>
        )}
        <Members title="Read" members={others.filter(({ user_id }) => readers.has(user_id))} />
        <Members title="Not read" members={others.filter(({ user_id }) => !readers.has(user_id))} />
      </div>
    </Dialog>
  )
}

const Members = ({ title, members }: { title: string; members: ReadonlyArray<Member> }) =>
  members.length === 0 ? null : (
    <section>
      <h3 class="section">
        {title} · {members.length}
      </h3>
      <ul class="people" aria-label={title}>
        {members.map(({ user_id, display_name, avatar_url }) => (
          <li key={user_id} class="person">
            <Avatar id={user_id} name={display_name} url={avatar_url} />
            <span class="name">{display_name}</span>
          </li>
        ))}
      </ul>
    </section>
  )
