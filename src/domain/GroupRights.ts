import type { Role } from "./Conversation.ts"

/** The roles that may do what in a group. Every member may leave, read, send, and change its own messages. */
export const groupRights = {
  changeGroup: ["owner", "admin"],
  addMember: ["owner", "admin"],
  /** To make a member an admin, an admin a member, or another the owner. */
  changeRole: ["owner"],
  /** To remove a plain member. */
  removeMember: ["owner", "admin"],
  removeAdmin: ["owner"],
  /** To delete the message of another. */
  deleteMessage: ["owner", "admin"]
} as const satisfies Readonly<Record<string, ReadonlyArray<Role>>>
