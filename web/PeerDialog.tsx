import type { ConversationEntry } from "../src/client/MiniChat.ts"
import { Avatar } from "./Avatar.tsx"
import { Dialog } from "./Dialog.tsx"
import type { Session } from "./session.ts"

/** Who the other one of a direct conversation is, and whether this user hears from them. */
export const PeerDialog = ({
  session,
  peer,
  onClose
}: {
  session: Session
  peer: NonNullable<ConversationEntry["with"]>
  onClose: () => void
}) => {
  const isBlocked = session.state.value.blocked?.has(peer.user_id) === true
  const { client } = session
  return (
    <Dialog title={peer.display_name} onClose={onClose}>
      <div class="form">
        {session.error.value !== undefined && (
          <p class="error" role="alert">
            {session.error.value}
          </p>
        )}
        <p class="person">
          <Avatar id={peer.user_id} name={peer.display_name} />
          <span class="name">{peer.username}</span>
        </p>
        <p class="hint">
          {isBlocked
            ? "You have blocked them: they cannot write to you here. Groups that you share are as before."
            : "Whom you block cannot write to you here, and is not told so. Groups that you share stay as they are."}
        </p>
        <button
          type="button"
          class={isBlocked ? "primary" : "danger"}
          onClick={() =>
            session.attempt(isBlocked ? client.unblock(peer.user_id) : client.block(peer.user_id))
          }
        >
          {isBlocked ? "Unblock" : `Block ${peer.display_name}`}
        </button>
      </div>
    </Dialog>
  )
}
