import { useState } from "preact/hooks"
import { Dialog } from "./Dialog.tsx"
import type { Session } from "./session.ts"

/** The user's own profile. */
export const ProfileDialog = ({ session, onClose }: { session: Session; onClose: () => void }) => {
  const me = session.me.value
  const [name, setName] = useState(me?.display_name ?? "")
  const save = async () => {
    const user = await session.attempt(session.client.updateProfile({ display_name: name }))
    if (user === undefined) return
    session.me.value = user
    onClose()
  }
  return (
    <Dialog title="Your profile" onClose={onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault()
          save()
        }}
      >
        {session.error.value !== undefined && (
          <p class="error" role="alert">
            {session.error.value}
          </p>
        )}
        <label>
          Name that others see
          <input
            required
            maxLength={100}
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <p class="hint">Your username is {me?.username ?? "…"}. It stays, and others can find you by it.</p>
        <button type="submit" class="primary" disabled={name.trim() === ""}>
          Save
        </button>
      </form>
    </Dialog>
  )
}
