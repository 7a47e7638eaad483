import { Schema } from "effect"
import { Message, MessageId } from "./Message.ts"
import { Timestamp, trimmedText } from "./Text.ts"
import { User, UserId } from "./User.ts"

/** A block of one user by another. */
export const Block = Schema.Struct({
  user_id: UserId.annotate({ description: "Who blocked" }),
  blocked_id: UserId.annotate({ description: "Who is blocked" }),
  created_at: Timestamp
}).annotate({ identifier: "Block", description: "A user has blocked another" })
export type Block = typeof Block.Type

/** A block in the list of the user who blocked. */
export const BlockEntry = Schema.Struct({
  ...Block.fields,
  username: User.fields.username,
  display_name: User.fields.display_name,
  avatar_url: User.fields.avatar_url
}).annotate({
  identifier: "BlockEntry",
  description: "A block, and the names and the picture of the blocked user"
})
export type BlockEntry = typeof BlockEntry.Type

/** Why a message was reported. */
export const Reason = trimmedText(1000, "Spam")

export const Report = Schema.Struct({
  id: Schema.Int.annotate({ description: "The id of the report", examples: [5] }),
  message_id: MessageId,
  reporter_id: Schema.optionalKey(UserId).annotate({
    description: "Who reported; absent once that user is erased"
  }),
  reason: Schema.optionalKey(Schema.String).annotate({ description: "In the reporter's words" }),
  created_at: Timestamp
}).annotate({ identifier: "Report", description: "A user has reported a message" })
export type Report = typeof Report.Type

/** What a message said when it was reported: its author may have edited or deleted it since. */
export const ReportedText = Schema.Struct({
  content: Message.fields.content,
  metadata: Message.fields.metadata,
  version: Message.fields.version
}).annotate({ identifier: "ReportedText", description: "What a message said when it was reported" })
export type ReportedText = typeof ReportedText.Type

/** A report as moderators read it. */
export const ReportEntry = Schema.Struct({
  ...Report.fields,
  reported: ReportedText,
  message: Message.annotate({ description: "The message as it is now" })
}).annotate({
  identifier: "ReportEntry",
  description: "A report, its message as it was reported, and as it is now"
})
export type ReportEntry = typeof ReportEntry.Type

export const Suspension = Schema.Struct({
  user_id: UserId,
  suspended_at: Schema.NullOr(Timestamp).annotate({
    description: "Since when the user is suspended; null when it is not"
  })
}).annotate({ identifier: "Suspension", description: "Whether a user is suspended" })
export type Suspension = typeof Suspension.Type
