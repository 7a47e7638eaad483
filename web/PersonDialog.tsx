import { useEffect, useState } from "preact/hooks"
import { directWith } from "../src/client/MiniChat.ts"
import { Avatar } from "./Avatar.tsx"
import { Dialog } from "./Dialog.tsx"
import { chooseUser } from "./focus.ts"
import type { Person } from "./names.ts"
import type { Session } from "./session.ts"

/** Who another user is: a chat with them, and whether they may write to this user. */
export const PersonDialog = ({
  session,
  person,
  onClose
}: {
  session: Session
  person: Person
  onClose: () => void
}) => {
  const { client } = session
  const { user_id } = person
  const [profile, setProfile] = useState<Omit<Person, "user_id">>(person)
  // A message has no more of its sender than the username. Where the server refuses to show more, that stays.
  useEffect(() => {
    client.user(user_id).then(setProfile, () => {})
  }, [user_id])
  const { username, display_name, avatar_url } = profile
  const { blocked } = session.state.value
  const isBlocked = blocked?.has(user_id) === true
  const direct = directWith(session.state.value, user_id)
  const isOpen = direct !== undefined && direct.id === session.selected.value
  return (
    <Dialog title={display_name} onClose={onClose}>
      <div class="form">
        {session.error.value !== undefined && (
          <p class="error" role="alert">
            {session.error.value}
          </p>
        )}
        <p class="person">
          <Avatar id={user_id} name={display_name} url={avatar_url} />
          <span class="name">{username}</span>
        </p>
        {!isOpen && !isBlocked && (
          <button
            type="button"
            onClick={async () => {
              if (await chooseUser(session, user_id)) session.closeDialogs()
            }}
          >
            Write to {display_name}
          </button>
        )}
        <p class="hint">
          {isBlocked
            ? "You have blocked them: they cannot write to you alone. Groups that you share are as before."
            : "Whom you block cannot write to you alone, and is not told so. Groups that you share stay as they are."}
        </p>
        <button
          type="button"
          class={isBlocked ? "primary" : "danger"}
          disabled={blocked === undefined}
          onClick={() => session.attempt(isBlocked ? client.unblock(user_id) : client.block(user_id))}
        >
          {isBlocked ? "Unblock" : `Block ${display_name}`}
        </button>
      </div>
    </Dialog>
  )
}
