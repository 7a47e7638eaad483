import type { ConversationEntry, Message, State } from "../src/client/MiniChat.ts"

/** What stands in place of the name of somebody who has deleted their account. */
const DELETED = "Deleted user"

/** Whether the other user of a direct conversation has deleted their account: nobody else is without a name. */
export const isDeleted = ({ with: peer }: ConversationEntry): boolean => peer?.display_name === ""

export const titleOf = (entry: ConversationEntry): string =>
  entry.title ?? (entry.with === undefined ? "Group" : entry.with.display_name || DELETED)

/** Who wrote a message: the name that the members of its conversation see. */
export const authorOf = ({ members, userId }: State, message: Message): string => {
  const { sender_id, sender_username, conversation_id } = message
  if (sender_id === userId) return "You"
  const member = conversation_id === undefined ? undefined : members.get(conversation_id)?.get(sender_id)
  // No username that a person can choose has a hyphen.
  return member?.display_name ?? (sender_username === `deleted-${sender_id}` ? DELETED : sender_username)
}
