import { useState } from "preact/hooks"
import type { Message } from "../src/client/MiniChat.ts"
import { Dialog } from "./Dialog.tsx"
import type { Session } from "./session.ts"

/** Tells the moderators about a message. */
export const ReportDialog = ({
  session,
  message,
  onClose
}: {
  session: Session
  message: Message
  onClose: () => void
}) => {
  const [reason, setReason] = useState("")
  const [isReported, setIsReported] = useState(false)
  const report = async () => {
    const words = reason.trim()
    const done = await session.attempt(session.client.report(message.id, words === "" ? undefined : words))
    setIsReported(done !== undefined)
  }
  return (
    <Dialog title="Report a message" onClose={onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault()
          report()
        }}
      >
        {session.error.value !== undefined && (
          <p class="error" role="alert">
            {session.error.value}
          </p>
        )}
        <blockquote class="quoted">{message.content}</blockquote>
        {isReported ? (
          <p role="status">The moderators have it now. Thank you.</p>
        ) : (
          <>
            <label>
              What is wrong with it? (optional)
              <textarea
                autofocus
                rows={3}
                maxLength={1000}
                value={reason}
                onInput={(event) => setReason(event.currentTarget.value)}
              />
            </label>
            <button type="submit" class="primary">
              Report
            </button>
          </>
        )}
      </form>
    </Dialog>
  )
}
