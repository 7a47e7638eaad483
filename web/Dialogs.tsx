import { conversationOf } from "../src/client/MiniChat.ts"
import { BlockedDialog } from "./BlockedDialog.tsx"
import { GroupDialog } from "./GroupDialog.tsx"
import { NewChatDialog } from "./NewChatDialog.tsx"
import { PersonDialog } from "./PersonDialog.tsx"
import { ProfileDialog } from "./ProfileDialog.tsx"
import { ReadersDialog } from "./ReadersDialog.tsx"
import { ReportDialog } from "./ReportDialog.tsx"
import { ShortcutsDialog } from "./ShortcutsDialog.tsx"
import type { Session } from "./session.ts"
import { useView } from "./useView.ts"

/** The dialog that is open, if any. */
export const Dialogs = ({
  session,
  onDeleted,
  onSignOut
}: {
  session: Session
  onDeleted: () => void
  onSignOut: () => void
}) => {
  const close = session.closeDialog
  const entry = useView(() => {
    const selected = session.selected.value
    const isNeeded = session.dialog.value === "group" || session.dialog.value === "readers"
    return isNeeded && selected !== undefined ? conversationOf(session.state.value, selected) : undefined
  }, [session])
  switch (session.dialog.value) {
    case "new":
      return <NewChatDialog session={session} onClose={close} />
    case "help":
      return <ShortcutsDialog onClose={close} />
    case "group":
      return entry === undefined ? null : <GroupDialog session={session} entry={entry} onClose={close} />
    case "me":
      return <ProfileDialog session={session} onClose={close} onDeleted={onDeleted} onSignOut={onSignOut} />
    case "blocked":
      return <BlockedDialog session={session} onClose={close} />
    case "person":
      return session.person.value === undefined ? null : (
        <PersonDialog session={session} person={session.person.value} onClose={close} />
      )
    case "readers":
      return entry === undefined || session.subject.value === undefined ? null : (
        <ReadersDialog session={session} entry={entry} message={session.subject.value} onClose={close} />
      )
    case "report":
      return session.subject.value === undefined ? null : (
        <ReportDialog session={session} message={session.subject.value} onClose={close} />
      )
    default:
      return null
  }
}
