import type { Conversations } from "../Conversations.ts"
import { alice, bob, reply, wholeNumber } from "./ExampleMessages.ts"
import type { Examples } from "./ExampleTypes.ts"
import { groupProblems } from "./ProblemExamples.ts"

export const hike = {
  id: 4,
  kind: "group",
  title: "Hiking on Sunday",
  metadata: { color: "green" },
  history: "joined",
  created_by: 1,
  created_at: "2026-01-31T12:05:00.000Z",
  member_count: 3
} as const

/** The direct conversation of Alice and Bob, as Alice sees it. */
const direct = {
  id: 3,
  kind: "direct",
  history: "all",
  created_at: "2026-01-31T12:01:00.000Z",
  with: { user_id: 2, username: bob.username, display_name: bob.display_name, last_read_id: 7 },
  member_count: 2
} as const

const entry = { ...direct, last_message: reply, last_read_id: 7, unread: 1, activity: reply.id }

const owner = {
  user_id: 1,
  username: alice.username,
  display_name: alice.display_name,
  role: "owner",
  joined_at: hike.created_at,
  last_read_id: 0
} as const

const admin = {
  ...owner,
  user_id: 2,
  username: bob.username,
  display_name: bob.display_name,
  role: "admin"
} as const

const badId = { path: ["params", "conversation_id"], message: wholeNumber }

export const conversationOperations: Examples<typeof Conversations> = {
  "conversations.create": {
    request: {
      user_id: 1,
      kind: "group",
      title: hike.title,
      member_ids: [2, 5],
      history: "joined",
      metadata: hike.metadata,
      client_id: "c2f1a6e0-2"
    },
    answers: { 200: { ...hike, role: "owner" } },
    invalidField: {
      path: ["payload", "title"],
      message: "must have 1 to 200 characters, white space around it aside"
    },
    problems: groupProblems
  },
  "conversations.list": {
    answers: { 200: { conversations: [entry], next: 8 } },
    invalidField: { path: ["query", "limit"], message: "must be a whole number from 1 to 100" }
  },
  "conversations.get": { answers: { 200: entry }, invalidField: badId },
  "conversations.update": {
    request: { user_id: 1, title: "Hiking on Saturday", metadata: null },
    answers: {
      200: {
        id: 4,
        kind: "group",
        title: "Hiking on Saturday",
        history: "joined",
        created_by: 1,
        created_at: hike.created_at,
        role: "owner",
        member_count: 3
      }
    },
    invalidField: badId
  },
  "conversations.members": {
    answers: { 200: { members: [owner, admin], next: null } },
    invalidField: { path: ["query", "limit"], message: "must be a whole number from 1 to 1000" }
  },
  "conversations.putMember": {
    request: { user_id: 1, role: "admin" },
    answers: { 200: admin },
    invalidField: { path: ["params", "member_id"], message: wholeNumber }
  },
  "conversations.removeMember": {
    answers: {},
    invalidField: { path: ["params", "member_id"], message: wholeNumber }
  },
  "conversations.read": {
    request: { user_id: 1, message_id: 8 },
    answers: { 200: { last_read_id: 8, unread: 0 } },
    invalidField: {
      path: ["payload", "message_id"],
      message: "Expected a value greater than or equal to 1"
    }
  }
}
