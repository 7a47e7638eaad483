import { signal } from "@preact/signals"
import type { ConversationEntry, Message } from "../src/client/MiniChat.ts"
import { senderOf } from "./names.ts"
import type { Person } from "./person.ts"
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

/** The name of the message that the user is asked about before it is deleted. */
export const deleting = signal<string | undefined>(undefined)

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
  const { client, attempt, editing } = session
  const isMine = message.sender_id === session.account.userId
  const isOurs = isMine || place.role === "owner" || place.role === "admin"
  const sender = senderOf(session, message)
  /** An edit leaves the draft, and what it answers, as they are. */
  const edit = () => {
    editing.value = message
    focusText(session)
  }
  return {
    react: (emoji) => {
      const mine = message.reactions?.find((one) => one.emoji === emoji)?.mine === true
      attempt(client.react(place.id, message.id, emoji, !mine))
    },
    reply: () => {
      editing.value = undefined
      session.answer(message.id)
      focusText(session)
    },
    sender,
    about: () => sender !== undefined && session.showPerson(sender),
    ...(isMine && { edit }),
    ...(!isMine && {
      report: () => {
        session.subject.value = message
        session.openDialog("report")
      }
    }),
    ...(isMine &&
      place.kind === "group" && {
        readers: () => {
          session.subject.value = message
          session.openDialog("readers")
        }
      }),
    ...(isOurs && {
      remove: () => {
        deleting.value = nameOf(session, message.id)
      }
    })
  }
}
