import type { ConversationEntry, ConversationId, Message, State, UserId } from "../src/client/MiniChat.ts"
import type { Person } from "./person.ts"
import type { Session } from "./session.ts"

/** What stands in place of the name of somebody who has deleted their account. */
const DELETED = "Deleted user"

/** Whether the other user of a direct conversation has deleted their account: nobody else is without a name. */
export const isDeleted = ({ with: peer }: ConversationEntry): boolean => peer?.display_name === ""

export const titleOf = (entry: ConversationEntry): string =>
  entry.title ?? (entry.with === undefined ? "Group" : entry.with.display_name || DELETED)

/** Whether the sender of a message has deleted their account. No username that a person can choose has a hyphen. */
const isSenderDeleted = ({ sender_id, sender_username }: Quoted) => sender_username === `deleted-${sender_id}`

/** A message as far as it is quoted. */
export type Quoted = Pick<Message, "sender_id" | "conversation_id"> &
  Partial<Pick<Message, "sender_username">>

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

/** Who wrote a message, for a person who reads it. */
export interface Author {
  /** The name that others see; the username where no other name can be had; `undefined` while neither is known. */
  readonly name: string | undefined
  /** Whether the name is on its way: until then no other one is shown, which would change before the eyes of the reader. */
  readonly isComing: boolean
  /** Whether it comes only when the user is looked up. */
  readonly isSought: boolean
}

const named = (name: string | undefined): Author => ({ name, isComing: false, isSought: false })

/** Who wrote a message, as far as the page knows. */
export const authorOf = ({ state, lookedUp }: Session, message: Quoted): Author => {
  const { sender_id, conversation_id, sender_username } = message
  const { userId, status, sync } = state.value
  if (sender_id === userId) return named("You")
  if (isSenderDeleted(message)) return named(DELETED)
  const person = personIn(state.value, conversation_id, sender_id)
  if (person !== undefined) return named(person.display_name || DELETED)
  const people = lookedUp.people.value
  if (people.has(sender_id)) return named(people.get(sender_id)?.display_name ?? sender_username)
  if (status.type === "offline" || status.type === "closed") return named(sender_username)
  const areMembersComing = conversation_id !== undefined && sync.wantedMembers.has(conversation_id)
  return { name: undefined, isComing: true, isSought: status.type === "online" && !areMembersComing }
}

/** The other user who wrote a message; `undefined` for one's own, and when the account is deleted. */
export const senderOf = ({ state, lookedUp }: Session, message: Message): Person | undefined => {
  const { sender_id, sender_username, conversation_id } = message
  if (sender_id === state.value.userId || isSenderDeleted(message)) return undefined
  const { username, display_name, avatar_url } = personIn(state.value, conversation_id, sender_id) ??
    lookedUp.people.value.get(sender_id) ?? { username: sender_username, display_name: sender_username }
  return { user_id: sender_id, username, display_name, ...(avatar_url !== undefined && { avatar_url }) }
}
