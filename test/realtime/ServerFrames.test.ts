import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { ServerFrame } from "../../src/api/Protocol.ts"
import { MessageId } from "../../src/domain/Message.ts"
import { UserId } from "../../src/domain/User.ts"
import { serverFrame } from "../../src/realtime/ServerFrames.ts"

const timestamp = "2026-01-31T12:00:00.000Z"
const message = {
  id: MessageId.make(7),
  sender_id: UserId.make(1),
  sender_username: "alice",
  receiver_id: UserId.make(2),
  content: "Hello!",
  timestamp
}

describe("a server frame", () => {
  const frames: ReadonlyArray<ServerFrame> = [
    {
      type: "system",
      message: "Connected to chat as alice",
      timestamp,
      user_id: UserId.make(1),
      cursor: 3,
      epoch: "0e45f8afddac",
      recovered: false
    },
    { type: "pong", timestamp },
    { type: "ack", client_id: "c1", message },
    { type: "error", code: "invalid", message: "content: must not be empty" },
    { type: "resumed", recovered: true, cursor: 3 },
    { type: "reconnect", after_ms: 1830 }
  ]
  const encode = Schema.encodeSync(Schema.fromJsonString(ServerFrame))
  for (const frame of frames) {
    it(`of type ${frame.type} is the text that the protocol's schema encodes it to`, () => {
      assert.strictEqual(serverFrame(frame), encode(frame))
    })
  }
})

it("a frame that is not of the protocol does not compile", () => {
  const wrong = () => [
    // @ts-expect-error: no frame has this type
    serverFrame({ type: "shout", timestamp }),
    // @ts-expect-error: a field is missing
    serverFrame({ type: "resumed", recovered: true }),
    // @ts-expect-error: a field is of another type
    serverFrame({ type: "reconnect", after_ms: "1830" }),
    // @ts-expect-error: a field is not one of this frame's
    serverFrame({ type: "pong", timestamp, cursor: 3 }),
    // @ts-expect-error: the code is not one of the protocol's
    serverFrame({ type: "error", code: "teapot", message: "no coffee" }),
    // @ts-expect-error: the message of an ack has no id
    serverFrame({ type: "ack", message: { ...message, id: undefined } })
  ]
  assert.isFunction(wrong)
})
