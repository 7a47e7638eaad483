import type { ConversationEntry, Message } from "../src/client/MiniChat.ts"
import { actionsOf, articleOf, EMOJI, focusText, idOf } from "./messageActions.ts"
import type { Session } from "./session.ts"

/** The keys of the history: arrows go from message to message, and a message with the focus takes letters. */
export const messageKeys =
  (
    session: Session,
    entry: ConversationEntry,
    messages: ReadonlyArray<Message>,
    focusAt: (index: number) => void
  ) =>
  (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return
    const focused = idOf(articleOf(event.target))
    const at = messages.findIndex(({ id }) => id === focused)
    const message = messages[at]
    const to = { ArrowUp: at < 0 ? messages.length - 1 : at - 1, ArrowDown: at + 1 }[event.key]
    if (to !== undefined) focusAt(Math.min(Math.max(to, 0), messages.length - 1))
    else if (event.key === "Escape" && message !== undefined) focusText(session)
    else if (message === undefined || message.deleted_at !== undefined) return
    else {
      const actions = actionsOf(session, entry, message)
      const emoji = EMOJI[Number(event.key) - 1]
      if (event.key === "r") actions.reply()
      else if (event.key === "e" && actions.edit) actions.edit()
      else if (event.key === "Delete" && actions.remove) actions.remove()
      else if (emoji !== undefined) actions.react(emoji)
      else return
    }
    event.preventDefault()
    event.stopPropagation()
  }
