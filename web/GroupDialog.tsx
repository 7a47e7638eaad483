import { useState } from "preact/hooks"
import type { ConversationEntry } from "../src/client/MiniChat.ts"
import { AskingButton } from "./AskingButton.tsx"
import { Avatar } from "./Avatar.tsx"
import { Dialog } from "./Dialog.tsx"
import { SearchField } from "./SearchField.tsx"
import type { Session } from "./session.ts"
import { nobodyFound, usePeople } from "./usePeople.ts"

/** How many of the users that were found are shown. */
const SHOWN = 6

/** The members of a group, and what this user may change about it. */
export const GroupDialog = ({
  session,
  entry,
  onClose
}: {
  session: Session
  entry: ConversationEntry
  onClose: () => void
}) => {
  const [wanted, setWanted] = useState("")
  const { question, value, error } = usePeople(session, wanted)
  // Until there is an answer to what is typed, that to its beginning stays. Any other one would be taken for it.
  const text = wanted.trim()
  const people = question !== "" && text.startsWith(question) ? value : undefined
  const [title, setTitle] = useState(entry.title ?? "")
  const loaded = session.state.value.members.get(entry.id)
  const members = [...(loaded?.values() ?? [])]
  const mayManage = entry.role === "owner" || entry.role === "admin"
  const others = people?.users.filter(({ id }) => !members.some(({ user_id }) => user_id === id)) ?? []
  const { client } = session
  const leave = async () => {
    await session.attempt(client.leave(entry.id))
    if (session.error.value !== undefined) return
    session.select(undefined)
    onClose()
  }
  return (
    <Dialog title={entry.title ?? "Group"} onClose={onClose}>
      <div class="form">
        {session.error.value !== undefined && (
          <p class="error" role="alert">
            {session.error.value}
          </p>
        )}
        {mayManage && (
          <form
            class="row"
            onSubmit={(event) => {
              event.preventDefault()
              session.attempt(client.updateGroup(entry.id, { title }))
            }}
          >
            <input
              aria-label="Name of the group"
              required
              maxLength={200}
              value={title}
              onInput={(event) => setTitle(event.currentTarget.value)}
            />
            <button type="submit">Rename</button>
          </form>
        )}
        {loaded === undefined && (
          <p class="hint" role="status">
            Loading the members…
          </p>
        )}
        <ul class="people" aria-label="Members">
          {members.map((member) => (
            <li key={member.user_id} class="person">
              <Avatar id={member.user_id} name={member.display_name} url={member.avatar_url} />
              {member.user_id === session.account.userId ? (
                <span class="name">You</span>
              ) : (
                <button
                  type="button"
                  class="name link"
                  title={`About ${member.display_name}`}
                  onClick={() => session.showPerson(member)}
                >
                  {member.display_name}
                </button>
              )}
              {member.role !== "member" && <span class="role">{member.role}</span>}
              {member.user_id !== session.account.userId &&
                (entry.role === "owner" || (entry.role === "admin" && member.role === "member")) && (
                  <AskingButton
                    aria-label={`Remove ${member.display_name}`}
                    question={`Remove ${member.display_name}?`}
                    yes="Remove"
                    no="Keep"
                    onYes={() => session.attempt(client.removeMember(entry.id, member.user_id))}
                  >
                    Remove
                  </AskingButton>
                )}
            </li>
          ))}
        </ul>
        {mayManage && loaded !== undefined && (
          <div class="adding">
            <SearchField>
              <input
                type="search"
                aria-label="Find a user to add"
                placeholder="Find a user to add"
                value={wanted}
                onInput={(event) => setWanted(event.currentTarget.value)}
              />
            </SearchField>
            {text !== "" && (
              <ul class="people" aria-label="Users to add">
                {others.slice(0, SHOWN).map(({ id, display_name, avatar_url }) => (
                  <li key={id} class="person">
                    <Avatar id={id} name={display_name} url={avatar_url} />
                    <span class="name">{display_name}</span>
                    <button
                      type="button"
                      aria-label={`Add ${display_name}`}
                      onClick={() => session.attempt(client.putMember(entry.id, id))}
                    >
                      Add
                    </button>
                  </li>
                ))}
                {people !== undefined && others.length === 0 && <li class="hint">{nobodyFound(people)}</li>}
              </ul>
            )}
            {text !== "" && error !== undefined && (
              <p class="error" role="alert">
                {error}
              </p>
            )}
          </div>
        )}
        <AskingButton class="danger" question="Leave the group?" yes="Leave" no="Stay" onYes={leave}>
          Leave the group
        </AskingButton>
      </div>
    </Dialog>
  )
}
