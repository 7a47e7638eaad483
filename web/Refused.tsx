import type { Command, OutboxEntry } from "../src/client/MiniChat.ts"
import { sentenceOf } from "./sentences.ts"
import type { Session } from "./session.ts"

const notDone = (command: Command) => {
  switch (command.type) {
    case "edit":
      return `Not changed to “${command.content}”: `
    case "delete":
      return "Not deleted: "
    case "react":
      return `${command.emoji} not ${command.added ? "added" : "removed"}: `
    default:
      return ""
  }
}

/** Why something was not done, and what can be done about it. */
export const Refused = ({ session, item }: { session: Session; item: OutboxEntry }) => (
  <p class="error" role="alert">
    {notDone(item.command)}
    {item.failure !== undefined && sentenceOf(item.failure.message)}{" "}
    <button type="button" onClick={() => session.attempt(session.client.retry(item.client_id))}>
      Try again
    </button>
    <button type="button" onClick={() => session.attempt(session.client.discard(item.client_id))}>
      Discard
    </button>
  </p>
)
