import { useState } from "preact/hooks"
import { Avatar } from "./Avatar.tsx"
import { Dialog } from "./Dialog.tsx"
import type { Session } from "./session.ts"
import { usePeople } from "./usePeople.ts"

/** Starts a chat with one user, or makes a group of several. */
export const NewChatDialog = ({ session, onClose }: { session: Session; onClose: () => void }) => {
  const people = usePeople(session)
  const [filter, setFilter] = useState("")
  const [chosen, setChosen] = useState<ReadonlySet<number>>(new Set())
  const [title, setTitle] = useState("")
  const shown = people
    ?.filter(({ display_name, username }) =>
      `${display_name} ${username}`.toLocaleLowerCase().includes(filter.toLocaleLowerCase())
    )
    .slice(0, 100)
  const isGroup = chosen.size > 1
  const toggle = (id: number) => {
    const next = new Set(chosen)
    if (!next.delete(id)) next.add(id)
    setChosen(next)
  }
  const start = async () => {
    const [only] = chosen
    if (isGroup) {
      const group = await session.attempt(session.client.createGroup(title, [...chosen]))
      if (group === undefined) return
      session.select(group.id)
      session.client.loadMembers(group.id).catch(() => {})
    } else if (only !== undefined) await session.startWith(only)
    onClose()
  }
  return (
    <Dialog title="New chat" onClose={onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault()
          start()
        }}
      >
        <input
          type="search"
          aria-label="Find a user"
          placeholder="Find a user"
          value={filter}
          onInput={(event) => setFilter(event.currentTarget.value)}
        />
        {session.error.value !== undefined && (
          <p class="error" role="alert">
            {session.error.value}
          </p>
        )}
        {shown?.length === 0 && (
          <p class="hint">
            {filter === ""
              ? "There is nobody else yet. Create another user in a second window."
              : "Nobody has this name."}
          </p>
        )}
        <ul class="people" aria-label="Users">
          {shown?.map((user) => (
            <li key={user.id}>
              <label class="person">
                <Avatar id={user.id} name={user.display_name} />
                <span class="name">{user.display_name}</span>
                <input type="checkbox" checked={chosen.has(user.id)} onChange={() => toggle(user.id)} />
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
        <button type="submit" class="primary" disabled={chosen.size === 0}>
          {isGroup ? `Make a group of ${chosen.size + 1}` : "Start chat"}
        </button>
      </form>
    </Dialog>
  )
}
