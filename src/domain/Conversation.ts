import { Schema } from "effect"
import { ConversationId } from "./ConversationId.ts"
import { Message } from "./Message.ts"
import { Metadata } from "./Metadata.ts"
import { Timestamp, trimmedText } from "./Text.ts"
import { UserId } from "./User.ts"

const MAX_TITLE_LENGTH = 200

/** The title of a group: trimmed, and then 1 to 200 code points on one line. */
export const Title = trimmedText(
  MAX_TITLE_LENGTH,
  "Hiking on Sunday",
  Schema.isPattern(/^\P{Cc}*$/u, { message: "must not have control characters" })
)

/** The role of a member in a group, which decides what the member may do: see `groupRights`. */
export const Role = Schema.Literals(["owner", "admin", "member"])
export type Role = typeof Role.Type

/** Whether a new member reads what was sent before it joined. */
export const HistoryAccess = Schema.Literals(["all", "joined"]).annotate({
  description: "Whether members read the whole history, or what was sent since they joined"
})
export type HistoryAccess = typeof HistoryAccess.Type

/** The fields of a conversation that all its members see alike. */
const shared = {
  id: ConversationId,
  title: Schema.optionalKey(Schema.String).annotate({ description: "The title of a group" }),
  metadata: Schema.optionalKey(Metadata),
  history: HistoryAccess,
  created_by: Schema.optionalKey(UserId).annotate({
    description: "Who made it; absent for a direct conversation that a message made"
  }),
  created_at: Timestamp
}

/** The other user of a direct conversation. */
export const Peer = Schema.Struct({
  user_id: UserId,
  username: Schema.String.annotate({ examples: ["bob"] }),
  display_name: Schema.String.annotate({ examples: ["Bob"] }),
  avatar_url: Schema.optionalKey(Schema.String),
  last_read_id: Schema.Int.annotate({ description: "The last message that this user has read; 0 for none" })
}).annotate({ identifier: "Peer", description: "The other user of a direct conversation" })
export type Peer = typeof Peer.Type

export const Conversation = Schema.Struct({
  kind: Schema.Literals(["direct", "group"]),
  ...shared,
  with: Schema.optionalKey(Peer),
  role: Schema.optionalKey(Role).annotate({ description: "The role of the user who reads this, in a group" }),
  member_count: Schema.Int.annotate({ description: "How many members it has" })
}).annotate({ identifier: "Conversation", description: "A conversation, as one of its members sees it" })
export type Conversation = typeof Conversation.Type

export const Member = Schema.Struct({
  user_id: UserId,
  username: Schema.String.annotate({ examples: ["alice"] }),
  display_name: Schema.String.annotate({ examples: ["Alice Liddell"] }),
  avatar_url: Schema.optionalKey(Schema.String),
  role: Role,
  joined_at: Timestamp,
  last_read_id: Schema.Int.annotate({ description: "The last message that the member has read; 0 for none" })
}).annotate({ identifier: "Member", description: "A member of a conversation" })
export type Member = typeof Member.Type

/** How far a user has read a conversation. */
export const ReadState = Schema.Struct({
  last_read_id: Schema.Int.annotate({ description: "The last message that the user has read; 0 for none" }),
  unread: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 100 })).annotate({
    description: "How many messages of others came after it, to 100"
  })
}).annotate({ identifier: "ReadState", description: "How far a user has read a conversation" })
export type ReadState = typeof ReadState.Type

/** A conversation in a user's list. */
export const ConversationEntry = Schema.Struct({
  ...Conversation.fields,
  ...ReadState.fields,
  last_message: Schema.NullOr(Message),
  activity: Schema.Int.annotate({
    description:
      "Its place in the list, the largest first: the id of the last message, or a number drawn when the user joined, if that is larger"
  })
}).annotate({
  identifier: "ConversationEntry",
  description: "A conversation, its last message, and what is unread"
})
export type ConversationEntry = typeof ConversationEntry.Type
