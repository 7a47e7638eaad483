import type { ConversationEntry, ConversationId, Message, State, UserId } from "../src/client/MiniChat.ts"

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

/** A message as far as it is quoted. */
export type Quoted = Pick<Message, "sender_id" | "conversation_id" | "content">

type People = ReadonlyMap<UserId, Person>

/** The people of a state, made once for all messages that show the same conversations and members. */
const made = new WeakMap<
  State["conversations"],
  { readonly members: State["members"]; readonly people: People }
>()

/** Everybody whose name the state has: the users of direct conversations, and the members of groups that are loaded. */
const peopleOf = ({ conversations, members }: State): People => {
  const known = made.get(conversations)
  if (known?.members === members) return known.people
  const people = new Map<UserId, Person>()
  for (const group of members.values()) for (const [id, member] of group) people.set(id, member)
  for (const { with: peer } of conversations.values())
    if (peer !== undefined && peer.display_name !== "") people.set(peer.user_id, peer)
  made.set(conversations, { members, people })
  return people
}

/** Another user, as the loaded members of a conversation have them, or any other conversation. */
export const personIn = (
  state: State,
  conversationId: ConversationId | undefined,
  userId: UserId
): Person | undefined => {
  const peer = conversationId === undefined ? undefined : state.conversations.get(conversationId)?.with
  if (peer?.user_id === userId) return peer
  const member = conversationId === undefined ? undefined : state.members.get(conversationId)?.get(userId)
  return member ?? peopleOf(state).get(userId)
}

/** The name of the sender of a message that is quoted; `undefined` when it is not known. */
export const nameIn = (state: State, { sender_id, conversation_id }: Quoted): string | undefined => {
  if (sender_id === state.userId) return "You"
  const person = personIn(state, conversation_id, sender_id)
  return person === undefined ? undefined : person.display_name || DELETED
}

/** Who wrote a message: the name that others see, or the username while no other name is known. */
export const authorOf = (state: State, message: Message): string =>
  message.sender_id === state.userId ? "You" : senderOf(state, message)?.display_name || DELETED

/** The other user who wrote a message; `undefined` for one's own, and when the account is deleted. */
export const senderOf = (state: State, message: Message): Person | undefined => {
  const { sender_id, sender_username } = message
  if (sender_id === state.userId || isSenderDeleted(message)) return undefined
  const { username, display_name, avatar_url } = personIn(state, message.conversation_id, sender_id) ?? {
    username: sender_username,
    display_name: sender_username
  }
  return { user_id: sender_id, username, display_name, ...(avatar_url !== undefined && { avatar_url }) }
}
