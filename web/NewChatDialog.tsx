import { useState } from "preact/hooks"
import type { User } from "../src/client/MiniChat.ts"
import { Avatar } from "./Avatar.tsx"
import { Dialog } from "./Dialog.tsx"
import { choose, chooseUser } from "./focus.ts"
import { SearchField } from "./SearchField.tsx"
import type { Session } from "./session.ts"
import { nobodyFound, usePeople } from "./usePeople.ts"

/** Starts a chat with one user, or makes a group of several. */
export const NewChatDialog = ({ session, onClose }: { session: Session; onClose: () => void }) => {
  const [filter, setFilter] = useState("")
  const people = usePeople(session, filter)
  /** Those chosen stay in sight, whoever is looked for next. */
  const [picked, setPicked] = useState<ReadonlyArray<User>>([])
  const chosen = new Set(picked.map(({ id }) => id))
  const shown = [...picked, ...(people.value?.users ?? []).filter(({ id }) => !chosen.has(id))]
  const [title, setTitle] = useState("")
  const isGroup = chosen.size > 1
  const toggle = (user: User) =>
    setPicked(chosen.has(user.id) ? picked.filter(({ id }) => id !== user.id) : [...picked, user])
  const [isStarting, setIsStarting] = useState(false)
  const start = async () => {
    const [only] = chosen
    if (isGroup) {
      const group = await session.attempt(session.client.createGroup(title, [...chosen]))
      if (group === undefined) return
      choose(session, group.id)
    } else if (only !== undefined) await chooseUser(session, only)
    if (session.error.value === undefined) onClose()
  }
  return (
    <Dialog title="New chat" onClose={onClose}>
      <form
        class="form"
        onSubmit={async (event) => {
          event.preventDefault()
          if (isStarting) return
          setIsStarting(true)
          await start()
          setIsStarting(false)
        }}
      >
        <SearchField>
          <input
            type="search"
            autofocus
            aria-label="Find a user"
            placeholder="Find a user"
            value={filter}
            onInput={(event) => setFilter(event.currentTarget.value)}
          />
        </SearchField>
        {(session.error.value ?? people.error) !== undefined && (
          <p class="error" role="alert">
            {session.error.value ?? people.error}
          </p>
        )}
        {people.value !== undefined && shown.length === 0 && (
          <p class="hint">
            {filter.trim() === ""
              ? people.value.isExact
                ? "Write the whole username of a person."
                : "There is nobody else yet. Create another user in a second window."
              : nobodyFound(people.value)}
          </p>
        )}
        <ul class="people" aria-label="Users">
          {shown.map((user) => (
            <li key={user.id}>
              <label class="person">
                <Avatar id={user.id} name={user.display_name} url={user.avatar_url} />
                <span class="name">
                  {user.display_name}
                  {user.username !== user.display_name && <small> {user.username}</small>}
                </span>
                <input type="checkbox" checked={chosen.has(user.id)} onChange={() => toggle(user)} />
              </label>
            </li>
          ))}
        </ul>
        {isGroup && (
          <input
            aria-label="Name of the group"
            placeholder="Name of the group"
            required
            maxLength={200}
            value={title}
            onInput={(event) => setTitle(event.currentTarget.value)}
          />
        )}
        <button type="submit" class="primary" disabled={chosen.size === 0 || isStarting}>
          {isGroup ? `Make a group of ${chosen.size + 1}` : "Start chat"}
        </button>
      </form>
    </Dialog>
  )
}
