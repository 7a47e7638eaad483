import type { ConversationEntry, Message, State, UserId } from "../src/client/MiniChat.ts"

/** Another user, as far as the page knows them. */
export interface Person {
  readonly user_id: UserId
  readonly username: string
  readonly display_name: string
  readonly avatar_url?: string
}

/** What stands in place of the name of somebody who has deleted their account. */
const DELETED = "Deleted user"

/** Whether the other user of a direct conversation has deleted their account: nobody else is without a name. */
export const isDeleted = ({ with: peer }: ConversationEntry): boolean => peer?.display_name === ""

export const titleOf = (entry: ConversationEntry): string =>
  entry.title ?? (entry.with === undefined ? "Group" : entry.with.display_name || DELETED)

/** Whether the sender of a message has deleted their account. No username that a person can choose has a hyphen. */
const isSenderDeleted = ({ sender_id, sender_username }: Message) =>
  sender_username === `deleted-${sender_id}`

/** The sender of a message, as the loaded members of its conversation have them. */
const profileOf = ({ members, conversations }: State, { sender_id, conversation_id }: Message) => {
  if (conversation_id === undefined) return undefined
  const peer = conversations.get(conversation_id)?.with
  return peer?.user_id === sender_id ? peer : members.get(conversation_id)?.get(sender_id)
}

/** Who wrote a message: the name that the members of its conversation see. */
export const authorOf = (state: State, message: Message): string =>
  senderOf(state, message)?.display_name ?? listedAuthorOf(state, message)

/**
 * Who wrote a message, by the username: lists know no other name of a group's members, and one that changed once the group is
 * opened would move the text.
 */
export const listedAuthorOf = ({ userId }: { readonly userId: number }, message: Message): string =>
  message.sender_id === userId ? "You" : isSenderDeleted(message) ? DELETED : message.sender_username

/** The other user who wrote a message; `undefined` for one's own, and when the account is deleted. */
export const senderOf = (state: State, message: Message): Person | undefined => {
  const { sender_id, sender_username } = message
  if (sender_id === state.userId || isSenderDeleted(message)) return undefined
  const { username, display_name, avatar_url } = profileOf(state, message) ?? {
    username: sender_username,
    display_name: sender_username
  }
  return { user_id: sender_id, username, display_name, ...(avatar_url !== undefined && { avatar_url }) }
}
