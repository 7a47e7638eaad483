import type { ConversationEntry, Message } from "../src/client/MiniChat.ts"
import { type Person, senderOf } from "./names.ts"
import type { Session } from "./session.ts"

export const EMOJI = ["👍", "❤️", "😂", "😮", "😢", "🙏"] as const

/** What is asked of a conversation to know what may be done with its messages. */
export interface Place extends Pick<ConversationEntry, "id" | "kind"> {
  readonly role?: ConversationEntry["role"] | undefined
}

/** What a user may do with a message. What is missing they may not. */
export interface MessageActions {
  readonly react: (emoji: string) => void
  readonly reply: () => void
  /** Who wrote it, where another one did. */
  readonly sender: Person | undefined
  readonly about: () => void
  readonly edit?: () => void
  /** Shows who has read it. */
  readonly readers?: () => void
  readonly report?: () => void
  readonly remove?: () => void
}

export const focusText = (session: Session) =>
  document.querySelector<HTMLElement>(`#text-${session.account.userId}`)?.focus()

/** The name of a message's element: a page with two panes shows a message twice. */
export const nameOf = (session: Session, messageId: number) => `${session.account.userId}-${messageId}`

/** The element of a message; null when it is not in the page. */
export const articleWith = (session: Session, messageId: number) =>
  document.querySelector<HTMLElement>(`[data-message="${nameOf(session, messageId)}"]`)

/** The message's element that something is in. */
export const articleOf = (target: EventTarget | null) =>
  target instanceof Element ? target.closest<HTMLElement>("[data-message]") : null

/** The id of the message that an element shows. */
export const idOf = (article: HTMLElement | null): number | undefined =>
  article === null ? undefined : Number(article.dataset.message?.split("-")[1])

export const actionsOf = (session: Session, place: Place, message: Message): MessageActions => {
  const { client, attempt, editing, replyTo } = session
  const isMine = message.sender_id === session.account.userId
  const isOurs = isMine || place.role === "owner" || place.role === "admin"
  const sender = senderOf(session.state.value, message)
  const write = (edited: Message | undefined, answered: Message | undefined) => () => {
    editing.value = edited
    replyTo.value = answered
    focusText(session)
  }
  return {
    react: (emoji) => {
      const mine = message.reactions?.find((one) => one.emoji === emoji)?.mine === true
      attempt(client.react(place.id, message.id, emoji, !mine))
    },
    reply: write(undefined, message),
    sender,
    about: () => sender !== undefined && session.showPerson(sender),
    ...(isMine && { edit: write(message, undefined) }),
    ...(!isMine && {
      report: () => {
        session.subject.value = message
        session.dialog.value = "report"
      }
    }),
    ...(isMine &&
      place.kind === "group" && {
        readers: () => {
          session.subject.value = message
          session.dialog.value = "readers"
        }
      }),
    ...(isOurs && {
      remove: () => {
        // The button that has the focus goes with the text.
        articleWith(session, message.id)?.focus()
        attempt(client.remove(place.id, message.id))
      }
    })
  }
}
