import type { Message } from "../src/client/MiniChat.ts"
import type { Quoted } from "./names.ts"
import type { Session } from "./session.ts"
import { useAuthor } from "./useAuthor.ts"

/** A message that another one answers: who wrote it, and what. */
export const QuoteText = ({
  session,
  quote
}: {
  session: Session
  quote: Quoted & Pick<Message, "content">
}) => {
  const { name, isComing } = useAuthor(session, quote)
  return (
    <>
      {isComing ? <i class="unnamed" /> : name !== undefined && <b>{name}: </b>}
      {quote.content === "" ? "Deleted message" : quote.content}
    </>
  )
}
