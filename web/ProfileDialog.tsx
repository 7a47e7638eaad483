import { useState } from "preact/hooks"
import { AccountData, DeleteAccount } from "./AccountData.tsx"
import { Dialog } from "./Dialog.tsx"
import type { Session } from "./session.ts"

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
  const [name, setName] = useState(me?.display_name ?? "")
  const save = async () => {
    const user = await session.attempt(session.client.updateProfile({ display_name: name }))
    if (user === undefined) return
    session.me.value = user
    onClose()
  }
  return (
    <Dialog title={isLeaving ? "Delete your account?" : "Your profile"} onClose={onClose}>
      {session.error.value !== undefined && (
        <p class="error" role="alert">
          {session.error.value}
        </p>
      )}
      {isLeaving ? (
        <DeleteAccount session={session} onKeep={() => setIsLeaving(false)} onDeleted={onDeleted} />
      ) : (
        <>
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
            <p class="hint">
              Your username is {me?.username ?? "…"}. It stays, and others can find you by it.
            </p>
            <button type="submit" class="primary" disabled={name.trim() === ""}>
              Save
            </button>
          </form>
          <AccountData session={session} onSignOut={onSignOut} onDelete={() => setIsLeaving(true)} />
        </>
      )}
    </Dialog>
  )
}
