import type { ConversationEntry, Message } from "../src/client/MiniChat.ts"
import { actionsOf, EMOJI, focusText } from "./messageActions.ts"
import type { Session } from "./session.ts"

/** The keys of the history: arrows go from message to message, and a message with the focus takes letters. */
export const messageKeys =
  (session: Session, entry: ConversationEntry, messages: ReadonlyArray<Message>) =>
  (event: KeyboardEvent) => {
    const box = event.currentTarget
    const target = event.target
    if (!(box instanceof HTMLElement) || !(target instanceof HTMLElement)) return
    if (event.altKey || event.ctrlKey || event.metaKey) return
    const all = [...box.querySelectorAll("article")]
    const at = all.findIndex((article) => article.contains(target))
    const to = { ArrowUp: at < 0 ? all.length - 1 : at - 1, ArrowDown: at + 1 }[event.key]
    const message = messages.find(({ id }) => `${session.account.userId}-${id}` === all[at]?.dataset.message)
    if (to !== undefined) all[Math.min(Math.max(to, 0), all.length - 1)]?.focus()
    else if (event.key === "Escape" && at >= 0) focusText(session)
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
