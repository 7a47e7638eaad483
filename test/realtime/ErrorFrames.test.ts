import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"
import * as ProblemOf from "../../src/api/ProblemOf.ts"
import { Forbidden, InvalidToken, RateLimited } from "../../src/domain/Caller.ts"
import { ConversationNotFound, NotMember } from "../../src/domain/ConversationErrors.ts"
import {
  ClientIdConflict,
  MessageNotFound,
  QuoteNotFound,
  ReceiverNotFound
} from "../../src/domain/Message.ts"
import { Unavailable } from "../../src/domain/Unavailable.ts"
import { actionError, errorFrame, renewalError, sendError } from "../../src/realtime/ErrorFrames.ts"

const forbidden = new Forbidden()
const invalidToken = new InvalidToken({ message: "The token has expired" })
const rateLimited = new RateLimited({ retryAfter: Duration.millis(849.2) })
const unavailable = new Unavailable({ dependency: "database", cause: "down" })

describe("REST and sockets word a refusal alike", () => {
  const sentences = {
    "of an unknown receiver": [
      sendError(new ReceiverNotFound()),
      ProblemOf.receiverNotFound(),
      "Receiver not found"
    ],
    "of a client_id that was used": [
      sendError(new ClientIdConflict()),
      ProblemOf.clientIdConflict(),
      "This client_id was used for another message"
    ],
    "of a send to a conversation of others": [
      sendError(new NotMember()),
      ProblemOf.notMember(),
      "The user is not a member of this conversation"
    ],
    "of a send to no conversation": [
      sendError(new ConversationNotFound()),
      ProblemOf.conversationNotFound(),
      "Conversation not found"
    ],
    "of a reply to what is not there": [
      sendError(new QuoteNotFound()),
      ProblemOf.quoteNotFound(),
      "The message of reply_to_id is deleted, not in this conversation, or one that not all members may read"
    ],
    "of a read of a conversation of others": [
      actionError(new NotMember()),
      ProblemOf.notMember(),
      "The user is not a member of this conversation"
    ],
    "of a read of no message": [
      actionError(new MessageNotFound()),
      ProblemOf.messageNotFound(),
      "Message not found"
    ],
    "of too many reads": [
      actionError(rateLimited),
      ProblemOf.tooManyRequests(rateLimited),
      "Too many requests, try again later"
    ],
    "of a send as another user": [
      sendError(forbidden),
      ProblemOf.forbidden(forbidden),
      "The token does not allow this for that user"
    ],
    "of another user's token": [
      renewalError(forbidden),
      ProblemOf.forbidden(forbidden),
      "The token does not allow this for that user"
    ],
    "of a bad token": [
      renewalError(invalidToken),
      ProblemOf.unauthorized(invalidToken),
      "The token has expired"
    ]
  } as const
  for (const [what, [error, problem, sentence]] of Object.entries(sentences)) {
    it(`in the same sentence: ${what}`, () => {
      assert.strictEqual(error.message, sentence)
      assert.strictEqual(problem.detail, sentence)
    })
  }

  const because = "The database is not available at the moment"
  const advice = [
    ["a call", ProblemOf.serviceUnavailable(unavailable).detail, `${because}; it is safe to try again`],
    [
      "a call that makes a message or a group",
      ProblemOf.creationUnavailable(unavailable).detail,
      `${because}; the call may have been carried out. Repeat it with the same client_id. If it had none, look first whether it was`
    ],
    [
      "a registration",
      ProblemOf.registrationUnavailable(unavailable).detail,
      `${because}; the user may have been created. Look for the username before you try again`
    ],
    ["a handshake", ProblemOf.socketUnavailable(unavailable).detail, `${because}, connect again`],
    ["a send", sendError(unavailable).message, `${because}, send again with the same client_id`],
    ["a read", actionError(unavailable).message, `${because}, try again`],
    ["a new token", renewalError(unavailable).message, because]
  ] as const
  for (const [what, told, sentence] of advice) {
    it(`of an unavailable database, with what to do about ${what}`, () => assert.strictEqual(told, sentence))
  }

  it("of a rate, in the same sentence and with the same time to wait", () => {
    const error = sendError(rateLimited)
    const problem = ProblemOf.tooManyRequests(rateLimited)
    assert.strictEqual(error.message, "Too many requests, try again later")
    assert.strictEqual(problem.detail, error.message)
    assert.strictEqual(error.retry_after_ms, 850)
    assert.strictEqual(problem.retry_after_ms, 850)
  })
})

it("an error frame has the client_id of the frame that it answers, if that has one", () => {
  const error = { code: "invalid", message: "content: must not be empty" } as const
  assert.strictEqual(
    errorFrame(error, "c1"),
    '{"type":"error","code":"invalid","message":"content: must not be empty","client_id":"c1"}'
  )
  for (const none of [undefined, null]) {
    assert.strictEqual(
      errorFrame(error, none),
      '{"type":"error","code":"invalid","message":"content: must not be empty"}'
    )
  }
})
