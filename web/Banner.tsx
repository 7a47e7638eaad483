import { hasNetwork } from "./network.ts"
import type { Session } from "./session.ts"
import { useView } from "./useView.ts"

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
  const waiting = useView(
    () =>
      session.state.value.outbox.filter(
        ({ command, state }) => command.type === "send" && (state === "queued" || state === "sending")
      ).length,
    [session]
  )
  const error = session.error.value
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
        {status.type === "closed" && status.reason !== "closed" && (
          <p class="banner bad">
            <span>{status.message}</span>
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
            This browser stores nothing: {storage.reason}. What you write is lost when you close the page.
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
