import { useEffect, useState } from "preact/hooks"
import { directWith } from "../src/client/MiniChat.ts"
import { Avatar } from "./Avatar.tsx"
import { Dialog } from "./Dialog.tsx"
import { chooseUser } from "./focus.ts"
import { presenceText } from "./format.ts"
import type { Person } from "./person.ts"
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
  const { blocked, presence: all } = session.state.value
  const presence = all.get(user_id)
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
        <div class="portrait">
          <Avatar id={user_id} name={display_name} url={avatar_url} isOnline={presence?.online} />
          <div>
            <p>
              <span class="hidden">Username: </span>
              {username}
            </p>
            <p class="about">{presenceText(presence)}</p>
          </div>
        </div>
        {!isOpen && !isBlocked && (
          <button
            type="button"
            class="primary"
            onClick={async () => {
              if (await chooseUser(session, user_id)) session.closeDialogs()
            }}
          >
            Write to {display_name}
          </button>
        )}
        <p class="hint">
          {isBlocked
            ? `You have blocked ${display_name}: they cannot write to you directly. In groups that you share you still see each other.`
            : "Somebody whom you block cannot write to you directly, and is not told. In groups that you share you still see each other."}
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
