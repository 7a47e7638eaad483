import { nameIn, type Quoted } from "./names.ts"
import type { Session } from "./session.ts"
import { useView } from "./useView.ts"

/** A message that another one answers: who wrote it, and what. */
export const QuoteText = ({ session, quote }: { session: Session; quote: Quoted }) => {
  const name = useView(
    () => nameIn(session.state.value, quote),
    [session, quote.conversation_id, quote.sender_id]
  )
  return (
    <>
      {name !== undefined && <b>{name}: </b>}
      {quote.content === "" ? "Deleted message" : quote.content}
    </>
  )
}
