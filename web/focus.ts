import { useEffect, useLayoutEffect } from "preact/hooks"
import type { Session } from "./session.ts"

/** What the focus of a session goes to once it is in the page, and what had the focus before. */
const wanted = new WeakMap<Session, { readonly find: () => Place; readonly from: Element | null }>()

type Place = HTMLElement | null | undefined

const want = (session: Session, find: () => Place) =>
  wanted.set(session, { find, from: document.activeElement })

const paneOf = ({ account }: Session) =>
  document.querySelector<HTMLElement>(`.pane[data-user="${account.userId}"]`)

/** The text of the open conversation. Where the list is hidden, as on a phone, the heading: the text would open a keyboard. */
const placeIn = (session: Session) => {
  const pane = paneOf(session)
  const isNarrow = pane?.querySelector<HTMLElement>(".main .back")?.checkVisibility() === true
  const text = isNarrow ? null : pane?.querySelector<HTMLElement>(".composer textarea")
  return (
    text ?? pane?.querySelector<HTMLElement>(".main .heading h2, .main .empty:not([aria-busy=true]) button")
  )
}

/** A conversation's row; the one that the Tab key stops at when it is not in the page, and the search when there is none. */
const rowOf = (session: Session, id: number) => {
  const pane = paneOf(session)
  const row = (which: string) => pane?.querySelector<HTMLElement>(`.conversation${which}`)
  return (
    row(`[data-conversation="${id}"]`) ?? row('[tabindex="0"]') ?? pane?.querySelector<HTMLElement>(".filter")
  )
}

/** Focuses what is to have the focus. It is tried again while that is not in the page, or a dialog is open above it. */
const settle = (session: Session) => {
  const { activeElement } = document
  const awaited = wanted.get(session)
  if (awaited === undefined) return
  // Somebody has gone elsewhere meanwhile.
  const isLost = activeElement === null || activeElement === document.body
  if (!isLost && activeElement !== awaited.from && activeElement.closest("dialog") === null) {
    wanted.delete(session)
    return
  }
  const element = awaited.find()
  element?.focus()
  if (element != null && document.activeElement === element) wanted.delete(session)
}

/** Selects a conversation for a person who goes there: the focus goes as well. The one that is open shows its newest message again. */
export const choose = (session: Session, id: number) => {
  const isOpen = session.selected.value === id
  session.select(id)
  if (isOpen) goTo(session)
  else want(session, () => placeIn(session))
}

/** Moves the focus to the conversation that is open. */
export const goTo = (session: Session) => {
  want(session, () => placeIn(session))
  settle(session)
}

/** Opens the direct conversation with a user, and goes there; whether it could be opened. */
export const chooseUser = async (session: Session, userId: number): Promise<boolean> => {
  await session.startWith(userId)
  if (session.error.value !== undefined) return false
  goTo(session)
  return true
}

/** Goes from the conversation back to its row. */
export const leave = (session: Session) => {
  const id = session.selected.value
  if (id === undefined) return
  session.select(undefined)
  want(session, () => rowOf(session, id))
}

/** Moves the focus once what it goes to is in the page. */
export const Focus = ({ session }: { session: Session }) => {
  // What may bring the awaited element: each draws this component again.
  session.selected.value
  session.dialog.value
  session.state.value
  const move = () => settle(session)
  // Before the next key, and once other components have drawn what they have to.
  useLayoutEffect(move)
  useEffect(move)
  return null
}
