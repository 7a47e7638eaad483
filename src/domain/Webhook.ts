import { Schema, Struct } from "effect"
import { Conversation, Member } from "./Conversation.ts"
import { ConversationId } from "./ConversationId.ts"
import { Message } from "./Message.ts"
import { Report, ReportedText } from "./Moderation.ts"
import { Timestamp } from "./Text.ts"
import { User, UserId } from "./User.ts"

/** A conversation as no member sees it: without the role and the peer of one. */
const WebhookConversation = Schema.Struct({
  ...Conversation.mapFields(Struct.omit(["with", "role"])).fields,
  member_ids: Schema.Array(UserId).annotate({ description: "All its members, by ascending id" })
}).annotate({ identifier: "WebhookConversation", description: "A conversation, and who its members are" })

const KnownUser = Schema.Struct({
  ...User.fields,
  suspended_at: Schema.optionalKey(Timestamp).annotate({
    description: "Since when the user is suspended; absent when it is not"
  })
}).annotate({ identifier: "WebhookUser", description: "A user" })

const ErasedUser = Schema.Struct({
  id: UserId,
  created_at: Timestamp,
  deleted_at: Timestamp
}).annotate({ identifier: "ErasedUser", description: "What is told of a user that was erased" })

const WebhookReport = Schema.Struct({ ...Report.fields, reported: ReportedText }).annotate({
  identifier: "WebhookReport",
  description: "A report, and what its message said then"
})

const inMember = { conversation_id: ConversationId, user_id: UserId }

const member = {
  ...inMember,
  member: Schema.optionalKey(Member).annotate({ description: "Absent when the user has left since" })
}

const user = { user: Schema.Union([KnownUser, ErasedUser]) }

const payload = <const Type extends string, const Fields extends Schema.Struct.Fields>(
  type: Type,
  description: string,
  data: Fields
) =>
  Schema.Struct({
    type: Schema.Literal(type),
    timestamp: Timestamp.annotate({ description: "When the fact was committed" }),
    data: Schema.Struct(data)
  }).annotate({
    identifier: `${type.replaceAll(/(?:^|[._])(.)/g, (_, first: string) => first.toUpperCase())}Webhook`,
    description
  })

/** What is posted to the `WEBHOOK_URL`s, by type. The data is that of the moment of delivery. */
export const WebhookPayloads = {
  "message.created": payload("message.created", "A message was sent", {
    message: Message,
    offline_user_ids: Schema.Array(UserId).annotate({
      description: "The recipients who were not connected when the first attempt was made"
    }),
    presence_known: Schema.Boolean.annotate({
      description:
        "False while Redis is unavailable: people who are connected to other nodes may be among them"
    })
  }),
  "message.updated": payload("message.updated", "A message was edited", { message: Message }),
  "message.deleted": payload("message.deleted", "A message was deleted; its content is empty", {
    message: Message
  }),
  "message.reported": payload("message.reported", "A user has reported a message", {
    conversation_id: ConversationId,
    report: WebhookReport,
    message: Message.annotate({ description: "The message as it is now" })
  }),
  "conversation.created": payload("conversation.created", "A conversation was made", {
    conversation: WebhookConversation
  }),
  "conversation.updated": payload("conversation.updated", "The title or the metadata of a group changed", {
    conversation: WebhookConversation
  }),
  "conversation.member_added": payload("conversation.member_added", "A user has joined a group", member),
  "conversation.member_updated": payload("conversation.member_updated", "A member has another role", member),
  "conversation.member_removed": payload(
    "conversation.member_removed",
    "A user is no longer a member of a group",
    inMember
  ),
  "user.created": payload("user.created", "A user was made", user),
  "user.updated": payload("user.updated", "The profile of a user changed", user),
  "user.suspended": payload("user.suspended", "A user was suspended", user),
  "user.restored": payload("user.restored", "A user is no longer suspended", user),
  "user.deleted": payload("user.deleted", "A user was deleted: what it wrote is being erased", {
    user: ErasedUser
  })
} as const

export type WebhookType = keyof typeof WebhookPayloads

/** What is posted of one type. */
export type WebhookPayload<Type extends WebhookType = WebhookType> = (typeof WebhookPayloads)[Type]["Type"]

/** A payload as the database has it. Who of a new message's recipients was offline is known at the first attempt. */
export type UnreachedPayload =
  | Exclude<WebhookPayload, CreatedMessage>
  | (Omit<CreatedMessage, "data"> & { readonly data: Pick<CreatedMessage["data"], "message"> })

type CreatedMessage = WebhookPayload<"message.created">
