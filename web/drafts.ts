import { tabStorage } from "./storage.ts"

/** What is kept of what a user writes in a conversation: the text, and the id of the message that it answers. */
type Part = "text" | "reply"

const keyOf = (userId: number, rest = "") => `minichat.draft.${userId}.${rest}`

export const draftOf = (userId: number, conversationId: number, part: Part): string =>
  tabStorage.get(keyOf(userId, `${conversationId}.${part}`)) ?? ""

/** Keeps a part of a draft; nothing stays of one that is empty. */
export const keepDraft = (userId: number, conversationId: number, part: Part, value: string): void => {
  const key = keyOf(userId, `${conversationId}.${part}`)
  if (value === "") tabStorage.removeAll(key)
  else tabStorage.set(key, value)
}

/** Removes all that a user has not sent, as when they sign out. */
export const forgetDrafts = (userId: number): void => tabStorage.removeAll(keyOf(userId))
