import { VERSION } from "../../domain/Version.ts"
import type { Blocks } from "../Blocks.ts"
import { NOT_ORDERED } from "../CloseCode.ts"
import type { Conversations } from "../Conversations.ts"
import type { Messages } from "../Messages.ts"
import type { Moderation } from "../Moderation.ts"
import { endpoints, type System } from "../System.ts"
import type { Users } from "../Users.ts"
import { conversationOperations } from "./ConversationExamples.ts"
import { alice, bob, deleted, edited, hello, known, reply, wholeNumber } from "./ExampleMessages.ts"
import type { Examples } from "./ExampleTypes.ts"
import type { LiveEvents } from "./LiveEvents.ts"
import { moderationOperations } from "./ModerationExamples.ts"
import { messageProblems, registrationProblems } from "./ProblemExamples.ts"

/** Examples of every request and answer. Tests decode them by the contract. */

const badId = { path: ["params", "message_id"], message: wholeNumber }

export const operations: Examples<
  | typeof Users
  | typeof Messages
  | typeof Conversations
  | typeof Blocks
  | typeof Moderation
  | typeof System
  | typeof LiveEvents
> = {
  "users.create": {
    request: { username: "alice", display_name: "Alice Liddell" },
    answers: { 200: alice },
    invalidField: { path: ["payload", "username"], message: "must have 3 to 50 characters" },
    problems: registrationProblems
  },
  "users.list": {
    answers: { 200: [alice, bob] },
    invalidField: { path: ["query", "limit"], message: "must be a whole number from 1 to 1000" }
  },
  "users.get": {
    answers: { 200: alice },
    invalidField: { path: ["params", "user_id"], message: wholeNumber }
  },
  "users.me": { answers: { 200: known } },
  "users.update": {
    request: { display_name: "Alice in Wonderland", avatar_url: "https://example.com/alice.png" },
    answers: { 200: known },
    invalidField: {
      path: ["payload", "avatar_url"],
      message: "must be an http or https URL of at most 2048 characters"
    }
  },
  "users.getExternal": {
    answers: { 200: known },
    invalidField: { path: ["params", "external_id"], message: "must have 1 to 255 characters" }
  },
  "users.putExternal": {
    request: { display_name: "Alice in Wonderland", avatar_url: "https://example.com/alice.png" },
    answers: { 200: known },
    invalidField: { path: ["params", "external_id"], message: "must have 1 to 255 characters" }
  },
  "users.presence": {
    answers: { 200: { user_id: 1, online: true, connections: 2, last_seen: "2026-01-31T12:02:00.000Z" } },
    invalidField: { path: ["params", "user_id"], message: wholeNumber }
  },
  "users.disconnect": {
    request: { revoke_tokens: true },
    answers: { 200: { user_id: 1, code: 4001, tokens_not_before: "2026-01-31T12:02:00.000Z" } },
    invalidField: { path: ["payload", "code"], message: NOT_ORDERED }
  },
  "users.events": {
    answers: {
      200: {
        events: [
          { type: "message_sent", seq: 11, ...hello, client_id: "c2f1a6e0-1" },
          {
            type: "reaction",
            seq: 12,
            message_id: 7,
            conversation_id: 3,
            user_id: 2,
            emoji: "👍",
            added: true,
            count: 1
          }
        ],
        cursor: 12,
        epoch: "0e45f8afddac",
        recovered: true
      }
    },
    invalidField: { path: ["query", "wait"], message: "must be a whole number from 0 to 30" }
  },
  "users.erase": {
    answers: { 202: { user_id: 1, ordered_at: "2026-01-31T12:02:00.000Z", finished_at: null } },
    invalidField: { path: ["params", "user_id"], message: wholeNumber }
  },
  "users.export": {
    answers: { 200: { type: "message", message: hello, client_id: "c2f1a6e0-1" } },
    invalidField: { path: ["params", "user_id"], message: wholeNumber }
  },
  "messages.send": {
    request: { sender_id: 1, receiver_id: 2, content: "Hello!", client_id: "c2f1a6e0-1" },
    answers: { 200: { ...hello, delivered_via_websocket: true } },
    invalidField: {
      path: ["payload", "content"],
      message: "must have 1 to 1000 characters, white space around it aside"
    },
    problems: messageProblems
  },
  "messages.history": {
    answers: { 200: [reply, hello] },
    invalidField: { path: ["query", "user_id"], message: wholeNumber }
  },
  "messages.recent": {
    answers: { 200: { messages: [reply] } },
    invalidField: { path: ["params", "user_id"], message: wholeNumber }
  },
  "messages.search": {
    answers: { 200: { messages: [reply, hello], next: null } },
    invalidField: {
      path: ["query", "q"],
      message: "must have 1 to 200 characters, white space around it aside"
    }
  },
  "messages.get": { answers: { 200: reply }, invalidField: badId },
  "messages.edit": {
    request: { user_id: 1, content: "Hello Bob!", version: 1 },
    answers: { 200: edited },
    invalidField: badId
  },
  "messages.delete": { answers: { 200: deleted }, invalidField: badId },
  "messages.react": {
    answers: { 200: reply },
    invalidField: { path: ["params", "emoji"], message: "must be one emoji, and nothing else" }
  },
  "messages.unreact": { answers: { 200: reply }, invalidField: badId },
  ...conversationOperations,
  ...moderationOperations,
  "live.connect": {
    answers: {},
    invalidField: { path: ["query", "since"], message: "must be a whole number of at least 0" }
  },
  "system.welcome": {
    answers: {
      200: {
        message: "Mini Chat",
        version: VERSION,
        endpoints
      }
    }
  },
  "system.health": {
    answers: {
      200: { status: "OK", database: "OK", redis: "OK", timestamp: "2026-01-31T12:00:00.000Z" },
      503: { status: "ERROR", database: "ERROR", redis: "OK", timestamp: "2026-01-31T12:00:00.000Z" }
    }
  },
  "system.livez": { answers: { 200: { status: "OK" } } },
  "system.readyz": { answers: { 200: { status: "OK" }, 503: { status: "DRAINING" } } }
}
