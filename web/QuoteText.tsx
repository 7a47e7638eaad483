import type { State } from "../src/client/MiniChat.ts"
import { nameIn, type Quoted } from "./names.ts"

/** A message that another one answers: who wrote it, and what. */
export const QuoteText = ({ state, quote }: { state: State; quote: Quoted }) => {
  const name = nameIn(state, quote)
  return (
    <>
      {name !== undefined && <b>{name}: </b>}
      {quote.content === "" ? "Deleted message" : quote.content}
    </>
  )
}
