import { Schema } from "effect"
import { ConversationId } from "./ConversationId.ts"
import { Message } from "./Message.ts"
import { Metadata } from "./Metadata.ts"
import { Timestamp, trimmedText } from "./Text.ts"
import { UserId } from "./User.ts"

const MAX_TITLE_LENGTH = 200

/** The title of a group. Trimmed, then 1 to 200 code points, none of them a control character. */
export const Title = trimmedText(
  MAX_TITLE_LENGTH,
  "Hiking on Sunday",
  Schema.isPattern(/^\P{Cc}*$/u, { message: "must not have control characters" })
)

/** The role of a member in a group, which decides what the member may do: see `groupRights`. */
export const Role = Schema.Literals(["owner", "admin", "member"])
export type Role = typeof Role.Type

/** Whether a member reads the messages that were sent before that member joined. */
export const HistoryAccess = Schema.Literals(["all", "joined"]).annotate({
  description:
    "`all`: each member reads all messages. `joined`: a member reads only messages sent after that member joined"
})
export type HistoryAccess = typeof HistoryAccess.Type

/** The other user of a direct conversation. */
export const Peer = Schema.Struct({
  user_id: UserId,
  username: Schema.String.annotate({ examples: ["bob"] }),
  display_name: Schema.String.annotate({ examples: ["Bob"] }),
  avatar_url: Schema.optionalKey(Schema.String),
  last_read_id: Schema.Int.annotate({
    description: "This user has read the messages up to this id; 0 if none"
  })
}).annotate({ identifier: "Peer", description: "The other user of a direct conversation" })
export type Peer = typeof Peer.Type

export const Conversation = Schema.Struct({
  kind: Schema.Literals(["direct", "group"]),
  id: ConversationId,
  title: Schema.optionalKey(Schema.String).annotate({ description: "The title of a group" }),
  metadata: Schema.optionalKey(Metadata),
  history: HistoryAccess,
  created_by: Schema.optionalKey(UserId).annotate({
    description: "Who made it; absent for a direct conversation that a message made"
  }),
  created_at: Timestamp,
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
  last_read_id: Schema.Int.annotate({
    description:
      "The member has read the messages up to this id; 0 if none. In a group it begins with an id reserved when the member joined"
  })
}).annotate({ identifier: "Member", description: "A member of a conversation" })
export type Member = typeof Member.Type

/** How far a user has read a conversation. */
export const ReadState = Schema.Struct({
  last_read_id: Schema.Int.annotate({
    description:
      "The user has read the messages up to this id; 0 if none. In a group it begins with an id reserved when the user joined"
  }),
  unread: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 100 })).annotate({
    description: "How many undeleted messages of others have a larger id; 100 means 100 or more"
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
      "The sort key of the list, largest first: the id of the last message or, if larger, a message id reserved when the user joined"
  })
}).annotate({
  identifier: "ConversationEntry",
  description: "A conversation, its last message, and what is unread"
})
export type ConversationEntry = typeof ConversationEntry.Type
