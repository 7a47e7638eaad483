import { useEffect, useState } from "preact/hooks"
import type { User } from "../src/client/MiniChat.ts"
import { AccountData, DeleteAccount } from "./AccountData.tsx"
import { Avatar } from "./Avatar.tsx"
import { Dialog } from "./Dialog.tsx"
import type { Session } from "./session.ts"

/** The name and the picture, with what was saved of them to begin with. */
const ProfileForm = ({ session, me, onSaved }: { session: Session; me: User; onSaved: () => void }) => {
  const [name, setName] = useState(me.display_name)
  const [picture, setPicture] = useState(me.avatar_url ?? "")
  /** The picture whose address was written to its end: the beginning of one is no address. */
  const [shown, setShown] = useState(picture)
  const save = async () => {
    const avatar_url = picture.trim() === "" ? null : picture.trim()
    const user = await session.attempt(session.client.updateProfile({ display_name: name, avatar_url }))
    if (user !== undefined) onSaved()
  }
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault()
        save()
      }}
    >
      <label>
        Name that others see
        <input
          required
          maxLength={100}
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
      </label>
      <div class="picture">
        <Avatar id={session.account.userId} name={name} url={shown} />
        <label>
          Address of your picture
          <input
            type="url"
            placeholder="https://"
            maxLength={2048}
            aria-describedby="picture-hint"
            value={picture}
            onInput={(event) => setPicture(event.currentTarget.value)}
            onBlur={() => setShown(picture.trim())}
          />
        </label>
      </div>
      <p class="hint" id="picture-hint">
        A web address that begins with https. Without a picture, others see the first letter of your name.
      </p>
      <p class="hint">
        Your username is <strong>{me.username}</strong>. Others can find you by it, and it never changes.
      </p>
      <button type="submit" class="primary" disabled={name.trim() === ""}>
        Save
      </button>
    </form>
  )
}

/** The user's own profile, and what can be done with everything that is stored of them. */
export const ProfileDialog = ({
  session,
  onClose,
  onDeleted,
  onSignOut
}: {
  session: Session
  onClose: () => void
  onDeleted: () => void
  onSignOut: () => void
}) => {
  const me = session.me.value
  const [isLeaving, setIsLeaving] = useState(false)
  const [isOver, setIsOver] = useState(false)
  useEffect(() => {
    if (me === undefined) session.client.loadProfile().then(() => setIsOver(true))
  }, [])
  return (
    // The question is a dialog of its own: the focus goes to its heading.
    <Dialog
      key={isLeaving ? "leaving" : "profile"}
      title={isLeaving ? "Delete your account?" : "Your profile"}
      onClose={onClose}
    >
      {session.error.value !== undefined && (
        <p class="error" role="alert">
          {session.error.value}
        </p>
      )}
      {isLeaving ? (
        <DeleteAccount session={session} onKeep={() => setIsLeaving(false)} onDeleted={onDeleted} />
      ) : (
        <>
          {me === undefined ? (
            <p class="hint" role="status">
              {isOver ? "Your profile could not be loaded." : "Loading your profile…"}
            </p>
          ) : (
            <ProfileForm session={session} me={me} onSaved={onClose} />
          )}
          <AccountData session={session} onSignOut={onSignOut} onDelete={() => setIsLeaving(true)} />
        </>
      )}
    </Dialog>
  )
}
