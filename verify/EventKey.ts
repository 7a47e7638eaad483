/**
 * The key of each event: the keys of what the server acknowledged are compared with those of the events that came. The key of an edit
 * has the version that it made, because in a replay each of its events holds the message as it is now.
 */
export const EventKey = {
  message: (id: number) => `message ${id}`,
  messageSent: (id: number) => `message_sent ${id}`,
  edit: (id: number, version: number) => `edit of message ${id} to version ${version}`,
  deletion: (id: number) => `deletion of message ${id}`,
  reaction: (id: number, userId: number, emoji: string, added: boolean) =>
    `${added ? "reaction" : "end of the reaction"} ${emoji} of user ${userId} to message ${id}`,
  read: (conversationId: number, userId: number, messageId: number) =>
    `read of user ${userId} in conversation ${conversationId} up to message ${messageId}`,
  membership: (conversationId: number) => `membership in conversation ${conversationId}`
} as const

/** What a run asked the server to change, beside sending: an edit, a deletion, a reaction, a read mark or a membership. */
export interface Change {
  /** In words, for the report. */
  readonly what: string
  /** The users whose inboxes must get its event. */
  readonly readers: ReadonlyArray<number>
  /** The key of its event, once the server has acknowledged it. */
  acknowledged?: string
  /** What an acknowledged edit wrote. */
  written?: { readonly messageId: number; readonly version: number; readonly content: string }
  /** Why it was not acknowledged. */
  failed?: string
}
