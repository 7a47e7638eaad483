import type { Blocks } from "../Blocks.ts"
import type { Moderation } from "../Moderation.ts"
import { bob, hello, wholeNumber } from "./ExampleMessages.ts"
import type { Examples } from "./ExampleTypes.ts"

const block = { user_id: 1, blocked_id: 2, created_at: "2026-01-31T12:06:00.000Z" }

const report = {
  id: 5,
  message_id: hello.id,
  reporter_id: 2,
  reason: "Spam",
  created_at: "2026-01-31T12:07:00.000Z"
}

const suspension = { user_id: 1, suspended_at: "2026-01-31T12:08:00.000Z" }

const badUserId = { path: ["params", "user_id"], message: wholeNumber }

const badBlockedId = { path: ["params", "blocked_id"], message: wholeNumber }

export const moderationOperations: Examples<typeof Blocks | typeof Moderation> = {
  "blocks.list": {
    answers: {
      200: {
        blocks: [
          {
            ...block,
            username: bob.username,
            display_name: bob.display_name,
            avatar_url: "https://example.com/bob.png"
          }
        ],
        next: null
      }
    },
    invalidField: badUserId
  },
  "blocks.block": { answers: { 200: block }, invalidField: badBlockedId },
  "blocks.unblock": { answers: {}, invalidField: badBlockedId },
  "moderation.report": {
    request: { user_id: 2, reason: "Spam" },
    answers: { 200: report },
    invalidField: {
      path: ["payload", "reason"],
      message: "must have 1 to 1000 characters, white space around it aside"
    }
  },
  "moderation.listReports": {
    answers: {
      200: {
        reports: [
          {
            ...report,
            reported: { content: hello.content },
            message: { ...hello, content: "Hello, all!", version: 2, edited_at: "2026-01-31T12:09:00.000Z" }
          }
        ],
        next: null
      }
    },
    invalidField: { path: ["query", "limit"], message: "must be a whole number from 1 to 1000" }
  },
  "moderation.resolveReport": {
    answers: {},
    invalidField: { path: ["params", "report_id"], message: wholeNumber }
  },
  "moderation.suspension": { answers: { 200: suspension }, invalidField: badUserId },
  "moderation.suspend": { answers: { 200: suspension }, invalidField: badUserId },
  "moderation.restore": { answers: {}, invalidField: badUserId }
}
