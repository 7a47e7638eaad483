import type { WebhookPayloads, WebhookType } from "../../domain/Webhook.ts"
import { hike } from "./ConversationExamples.ts"
import { bob, deleted, edited, hello, known } from "./ExampleMessages.ts"

const timestamp = "2026-01-31T12:10:00.000Z"

const conversation = { ...hike, member_count: 2, member_ids: [1, 5] } as const

const inMember = { conversation_id: conversation.id, user_id: bob.id }

const member = {
  user_id: bob.id,
  username: bob.username,
  display_name: bob.display_name,
  role: "member",
  joined_at: timestamp,
  last_read_id: 0
} as const

/** An example of what is posted of each type. A missing one fails to compile. */
export const webhookExamples = {
  "message.created": {
    type: "message.created",
    timestamp,
    data: { message: hello, offline_user_ids: [hello.receiver_id], presence_known: true }
  },
  "message.updated": { type: "message.updated", timestamp, data: { message: edited } },
  "message.deleted": { type: "message.deleted", timestamp, data: { message: deleted } },
  "message.reported": {
    type: "message.reported",
    timestamp,
    data: {
      conversation_id: hello.conversation_id,
      report: {
        id: 5,
        message_id: hello.id,
        reporter_id: bob.id,
        reason: "Spam",
        created_at: timestamp,
        reported: { content: hello.content }
      },
      message: edited
    }
  },
  "conversation.created": { type: "conversation.created", timestamp, data: { conversation } },
  "conversation.updated": {
    type: "conversation.updated",
    timestamp,
    data: { conversation: { ...conversation, title: "Hiking on Saturday" } }
  },
  "conversation.member_added": {
    type: "conversation.member_added",
    timestamp,
    data: { ...inMember, member }
  },
  "conversation.member_updated": {
    type: "conversation.member_updated",
    timestamp,
    data: { ...inMember, member: { ...member, role: "admin" } }
  },
  "conversation.member_removed": { type: "conversation.member_removed", timestamp, data: inMember },
  "user.created": { type: "user.created", timestamp, data: { user: known } },
  "user.updated": {
    type: "user.updated",
    timestamp,
    data: { user: { ...known, display_name: "Alice in Wonderland" } }
  },
  "user.suspended": {
    type: "user.suspended",
    timestamp,
    data: { user: { ...known, suspended_at: timestamp } }
  },
  "user.restored": { type: "user.restored", timestamp, data: { user: known } },
  "user.deleted": {
    type: "user.deleted",
    timestamp,
    data: { user: { id: known.id, created_at: known.created_at, deleted_at: timestamp } }
  }
} as const satisfies {
  readonly [Type in WebhookType]: (typeof WebhookPayloads)[Type]["Encoded"]
}
