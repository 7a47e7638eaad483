import { useEffect, useState } from "preact/hooks"
import type { BlockEntry } from "../src/client/MiniChat.ts"
import { Avatar } from "./Avatar.tsx"
import { Dialog } from "./Dialog.tsx"
import type { Session } from "./session.ts"

/** The people whom this user has blocked. Who is unblocked stays in the list until it is closed, to be blocked again. */
export const BlockedDialog = ({ session, onClose }: { session: Session; onClose: () => void }) => {
  const { client } = session
  const [people, setPeople] = useState<ReadonlyArray<BlockEntry>>([])
  const [isLoaded, setIsLoaded] = useState(false)
  const load = async () => {
    let after: number | undefined
    do {
      const { blocks, next } = await client.blocks(after)
      setPeople((known) => [...known, ...blocks])
      after = next ?? undefined
    } while (after !== undefined)
    setIsLoaded(true)
  }
  useEffect(() => {
    session.attempt(load())
  }, [])
  const blocked = session.state.value.blocked
  return (
    <Dialog title="Blocked people" onClose={onClose}>
      <div class="form">
        {session.error.value !== undefined && (
          <p class="error" role="alert">
            {session.error.value}
          </p>
        )}
        <p class="hint" role="status">
          {people.length > 0
            ? "They cannot write to you directly. In groups that you share you still see each other."
            : isLoaded
              ? "You have blocked nobody. To block somebody, choose their name in a chat or beside a message."
              : null}
        </p>
        <ul class="people" aria-label="Blocked people">
          {people.map(({ blocked_id, username, display_name, avatar_url }) => {
            // Until it is known whom the user blocks now: as the list says.
            const isBlocked = blocked?.has(blocked_id) ?? true
            return (
              <li key={blocked_id} class="person">
                <Avatar id={blocked_id} name={display_name} url={avatar_url} />
                <span class="name">
                  {display_name}
                  {username !== display_name && <small> {username}</small>}
                </span>
                <button
                  type="button"
                  aria-label={`${isBlocked ? "Unblock" : "Block"} ${display_name}`}
                  onClick={() =>
                    session.attempt(isBlocked ? client.unblock(blocked_id) : client.block(blocked_id))
                  }
                >
                  {isBlocked ? "Unblock" : "Block"}
                </button>
              </li>
            )
          })}
        </ul>
      </div>
    </Dialog>
  )
}
