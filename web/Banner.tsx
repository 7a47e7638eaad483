import type { OutboxEntry } from "../src/client/MiniChat.ts"
import { choose, chooseUser } from "./focus.ts"
import { hasNetwork } from "./network.ts"
import { sentenceOf } from "./sentences.ts"
import type { Session } from "./session.ts"
import { conversationOfSend, failedIn, waitingIn } from "./unsent.ts"
import { useView } from "./useView.ts"

/** Goes to a message that was refused. */
const show = (session: Session, item: OutboxEntry) => {
  const id = conversationOfSend(session.state.value, item)
  if (id !== undefined) choose(session, id)
  else if (item.command.type === "send" && item.command.receiver_id !== undefined)
    chooseUser(session, item.command.receiver_id)
}

/** Says that there is no connection and what waits for it, or what was refused. What waits outlives a new sign-in. */
export const Banner = ({
  session,
  onSignIn,
  onSignOut
}: {
  session: Session
  onSignIn: () => void
  /** Leaves nothing of the user on this device. */
  onSignOut: () => void
}) => {
  const status = useView(() => session.state.value.status, [session])
  const storage = useView(() => session.state.value.storage, [session])
  const waiting = useView(() => waitingIn(session.state.value).length, [session])
  // Those of the open conversation stand in it, with why.
  const unsent = useView(
    () =>
      failedIn(session.state.value).filter(
        (item) => conversationOfSend(session.state.value, item) !== session.selected.value
      ),
    [session]
  )
  // A dialog shows it itself.
  const error = session.dialog.value === undefined ? session.error.value : undefined
  return (
    <>
      <div role="status">
        {(status.type === "offline" || !hasNetwork.value) && (
          <p class="banner">
            <span>
              You are offline.{" "}
              {waiting === 0
                ? "What you write is sent when you are back."
                : `${waiting} ${waiting === 1 ? "message waits" : "messages wait"} to be sent.`}
            </span>
            <button type="button" onClick={() => session.client.nudge()}>
              Connect now
            </button>
          </p>
        )}
        {unsent.length > 0 && (
          <p class="banner bad">
            <span>
              {unsent.length === 1 ? "1 message was not sent." : `${unsent.length} messages were not sent.`}
            </span>
            <button type="button" onClick={() => show(session, unsent[0]!)}>
              Show
            </button>
          </p>
        )}
        {status.type === "closed" && status.reason !== "closed" && (
          <p class="banner bad">
            <span>{sentenceOf(status.message)}</span>
            {status.reason === "user_not_found" ? (
              <button type="button" onClick={onSignOut}>
                Sign out
              </button>
            ) : (
              <button type="button" onClick={onSignIn}>
                Sign in again
              </button>
            )}
          </p>
        )}
        {storage.type === "failed" && (
          <p class="banner">
            This browser stores nothing: {storage.reason}. What is not sent yet is lost when you close the
            page.
          </p>
        )}
      </div>
      {error !== undefined && (
        <p class="banner bad" role="alert">
          <span>{error}</span>
          <button
            type="button"
            onClick={() => {
              session.error.value = undefined
            }}
          >
            Dismiss
          </button>
        </p>
      )}
    </>
  )
}
