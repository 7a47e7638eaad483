import type { ComponentChildren } from "preact"
import { useState } from "preact/hooks"
import { leaveTab } from "./accounts.ts"
import type { Session } from "./session.ts"

/** What can be done with everything that is stored of the user: here, and on the server. */
export const AccountData = ({
  session,
  onSignOut,
  onDelete
}: {
  session: Session
  onSignOut: () => void
  onDelete: () => void
}) => {
  const [isPreparing, setIsPreparing] = useState(false)
  const download = async () => {
    setIsPreparing(true)
    const data = await session.attempt(session.client.exportData())
    setIsPreparing(false)
    if (data !== undefined)
      save(data, `mini-chat-${session.me.value?.username ?? session.account.userId}.ndjson`)
  }
  return (
    <section class="form account" aria-label="Your account">
      <Choice title="This device" hint="Messages that are not sent yet are lost when you sign out.">
        <button type="button" onClick={onSignOut}>
          Sign out
        </button>
      </Choice>
      {session.account.token === undefined && (
        <Choice title="Another user" hint="In this tab. Messages that are not sent yet stay on this device.">
          <button type="button" onClick={() => leaveTab(session.account)}>
            Switch user
          </button>
        </Choice>
      )}
      <Choice title="Blocked people" hint="They cannot write to you directly.">
        <button type="button" aria-label="Show blocked people" onClick={() => session.openOver("blocked")}>
          Show
        </button>
      </Choice>
      <Choice title="Your data" hint="All that the server stores about you, in one file.">
        <button type="button" aria-label="Download my data" disabled={isPreparing} onClick={download}>
          {isPreparing ? "Preparing…" : "Download"}
        </button>
      </Choice>
      <Choice title="Your account" hint="You are asked once more before it is deleted.">
        <button type="button" class="danger" aria-label="Delete my account" onClick={onDelete}>
          Delete…
        </button>
      </Choice>
    </section>
  )
}

const Choice = ({ title, hint, children }: { title: string; hint: string; children: ComponentChildren }) => (
  <div class="choice">
    <p>
      <strong>{title}</strong>
      <small>{hint}</small>
    </p>
    {children}
  </div>
)

/** Says what is deleted, and deletes it once the user has typed their username. */
export const DeleteAccount = ({
  session,
  onKeep,
  onDeleted
}: {
  session: Session
  onKeep: () => void
  onDeleted: () => void
}) => {
  const username = session.me.value?.username
  const [typed, setTyped] = useState("")
  const [isDeleting, setIsDeleting] = useState(false)
  const isSure = username !== undefined && typed.trim() === username
  const submit = async () => {
    if (!isSure || isDeleting) return
    setIsDeleting(true)
    await session.attempt(session.client.deleteAccount())
    setIsDeleting(false)
    if (session.error.value === undefined) onDeleted()
  }
  return (
    <form
      class="form deleting"
      onSubmit={(event) => {
        event.preventDefault()
        submit()
      }}
    >
      <ul>
        <li>What you wrote is deleted, for everybody you wrote it to. So are your reactions.</li>
        <li>You leave your groups. A group that is yours goes to another member.</li>
        <li>Your name is deleted, and anybody may take your username.</li>
        <li>What others wrote to you stays with them.</li>
      </ul>
      <p>
        <strong>Nobody can undo this.</strong> Download your data first if you want to keep it.
      </p>
      <label>
        Type your username, <strong>{username ?? "…"}</strong>
        <input
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          value={typed}
          onInput={(event) => setTyped(event.currentTarget.value)}
        />
      </label>
      <div class="row">
        <button type="button" onClick={onKeep}>
          Keep my account
        </button>
        <button type="submit" class="danger filled" disabled={!isSure || isDeleting}>
          {isDeleting ? "Deleting…" : "Delete for good"}
        </button>
      </div>
    </form>
  )
}

/** Has the browser save a file. */
const save = (content: Blob, name: string) => {
  const link = document.createElement("a")
  link.href = URL.createObjectURL(content)
  link.download = name
  link.click()
  // The browser has taken it by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}
