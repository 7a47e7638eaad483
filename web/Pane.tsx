import { useEffect, useRef, useState } from "preact/hooks"
import { type Account, removeAccount } from "./accounts.ts"
import { Banner } from "./Banner.tsx"
import { Conversation } from "./Conversation.tsx"
import { Dialogs } from "./Dialogs.tsx"
import { forgetDrafts } from "./drafts.ts"
import { Focus } from "./focus.ts"
import { Sidebar } from "./Sidebar.tsx"
import { reasonOf } from "./server.ts"
import { type Session, startSession } from "./session.ts"
import { useShortcuts } from "./useShortcuts.ts"
import { useView } from "./useView.ts"

interface Props {
  readonly account: Account
  readonly isFirst: boolean
  /** The user of the other pane. */
  readonly peer: number | undefined
}

/** One user: the list of conversations and the one that is open. */
export const Pane = ({ account, isFirst, peer }: Props) => {
  const [session, setSession] = useState<Session>()
  const [error, setError] = useState<string>()
  useEffect(() => {
    const starting = startSession(account)
    starting.then(setSession, (cause) => setError(reasonOf(cause)))
    return () => {
      starting.then(
        ({ client }) => client.disconnect(),
        () => {}
      )
    }
  }, [account])
  if (error !== undefined)
    return (
      <p class="error" role="alert">
        {error}
      </p>
    )
  return session === undefined ? (
    <section class="pane" aria-busy="true" />
  ) : (
    <Opened session={session} isFirst={isFirst} peer={peer} />
  )
}

const Opened = ({
  session,
  isFirst,
  peer
}: {
  session: Session
  isFirst: boolean
  peer: number | undefined
}) => {
  const root = useRef<HTMLElement>(null)
  useShortcuts(session, root, isFirst)
  const isOnline = useView(() => session.state.value.status.type === "online", [session])
  useEffect(() => {
    if (isOnline && peer !== undefined && session.selected.value === undefined) session.startWith(peer)
  }, [isOnline, peer])
  const isEmpty = useView(
    () => session.state.value.list.isLoaded && session.state.value.order.length === 0,
    [session]
  )
  const selected = session.selected.value
  const name = session.me.value?.display_name ?? `User ${session.account.userId}`
  const leave = () => removeAccount(session.account)
  const forget = () => {
    forgetDrafts(session.account.userId)
    leave()
  }
  const signOut = async () => {
    forget()
    await session.client.forget()
  }
  return (
    <section
      ref={root}
      class="pane"
      aria-label={`Chat of ${name}`}
      data-user={session.account.userId}
      data-open={selected !== undefined}
    >
      <div class="banners">
        {peer !== undefined && (
          <p class="whose">
            You are <strong>{name}</strong>
          </p>
        )}
        <Banner session={session} onSignIn={leave} onSignOut={signOut} />
      </div>
      <Sidebar session={session} name={name} />
      <div class="main">
        {selected === undefined ? (
          <div class="empty">
            <h2>Choose a conversation</h2>
            <p>{isEmpty ? "You have none yet: start one with somebody." : "Or start one with somebody."}</p>
            <button type="button" class="primary" onClick={() => session.openDialog("new")}>
              New chat
            </button>
          </div>
        ) : (
          <Conversation key={selected} session={session} id={selected} />
        )}
      </div>
      <Focus session={session} />
      <Dialogs session={session} onDeleted={forget} onSignOut={signOut} />
    </section>
  )
}
