import { useEffect } from "preact/hooks"
import { type Author, authorOf, type Quoted } from "./names.ts"
import type { Session } from "./session.ts"
import { useView } from "./useView.ts"

/** Who wrote a message. While nothing tells their name, they are looked up. */
export const useAuthor = (session: Session, message: Quoted): Author => {
  const { sender_id, conversation_id, sender_username } = message
  const author = useView(
    () => authorOf(session, message),
    [session, sender_id, conversation_id, sender_username]
  )
  const { isSought } = author
  useEffect(() => (isSought ? session.lookedUp.seek(sender_id) : undefined), [session, isSought, sender_id])
  return author
}
