import { useState } from "preact/hooks"
import type { Session } from "./session.ts"

/** Hands out what is stored of the user, or deletes it for good. */
export const AccountData = ({ session, onDeleted }: { session: Session; onDeleted: () => void }) => {
  const username = session.me.value?.username
  const [isPreparing, setIsPreparing] = useState(false)
  const [isAsking, setIsAsking] = useState(false)
  const download = async () => {
    setIsPreparing(true)
    const data = await session.attempt(session.client.exportData())
    setIsPreparing(false)
    if (data !== undefined) save(data, `mini-chat-${username ?? session.account.userId}.ndjson`)
  }
  return (
    <section class="form account" aria-label="Your account">
      {isAsking ? (
        <DeleteAccount session={session} onKeep={() => setIsAsking(false)} onDeleted={onDeleted} />
      ) : (
        <>
          <div class="choice">
            <p>
              <strong>Your data</strong>
              <small>All that is stored of you, in one file.</small>
            </p>
            <button type="button" disabled={isPreparing} onClick={download}>
              {isPreparing ? "Preparing…" : "Download my data"}
            </button>
          </div>
          <div class="choice">
            <p>
              <strong>Leave for good</strong>
              <small>You are asked once more before anything is deleted.</small>
            </p>
            <button type="button" class="danger" onClick={() => setIsAsking(true)}>
              Delete my account
            </button>
          </div>
        </>
      )}
    </section>
  )
}

/** Says what is deleted, and deletes it once the user has typed their username. */
const DeleteAccount = ({
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
      class="deleting"
      onSubmit={(event) => {
        event.preventDefault()
        submit()
      }}
    >
      <h3>Delete your account?</h3>
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
        Type your username, {username ?? "…"}
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
          {isDeleting ? "Deleting…" : "Delete my account for good"}
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
