import { assert, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Layer, Result, Scope } from "effect"
import { Directory } from "../../src/access/Directory.ts"
import { Gate } from "../../src/access/Gate.ts"
import { Blocks } from "../../src/chat/Blocks.ts"
import { Drafts } from "../../src/chat/Drafts.ts"
import { Reads } from "../../src/chat/Reads.ts"
import { Sends } from "../../src/chat/Sends.ts"
import { Typing } from "../../src/chat/Typing.ts"
import { Watches } from "../../src/chat/Watches.ts"
import { RateLimited } from "../../src/domain/Caller.ts"
import { ConversationNotFound, NotMember } from "../../src/domain/ConversationErrors.ts"
import { ConversationId } from "../../src/domain/ConversationId.ts"
import { MessageId, MessageNotFound, QuoteNotFound } from "../../src/domain/Message.ts"
import { UserId } from "../../src/domain/User.ts"
import { InboxReader } from "../../src/inbox/InboxReader.ts"
import * as Receiver from "../../src/realtime/Receiver.ts"
import { fakeConnection } from "./support/FakeConnection.ts"

/** Features that a test does not look at. */
const features = Layer.mergeAll(
  Layer.mock(Directory, { isByConversation: false }),
  Layer.mock(Drafts, {
    of: (sender_id, message) => Effect.succeed({ ...message, sender_id, receiver_id: message.receiver_id! })
  }),
  Layer.mock(Reads, {}),
  Layer.mock(Typing, {}),
  Layer.mock(Watches, {}),
  Layer.mock(Blocks, {})
)

const services = Layer.mergeAll(
  features,
  Layer.mock(Sends, {}),
  Layer.mock(Gate, {
    isOpen: true,
    framesOf: () => undefined,
    permitSend: () => Effect.void,
    chargeActs: () => Effect.void
  }),
  Layer.mock(InboxReader, {})
)

it.effect("a peer that does not read misses a pong and a complaint, and no answer to a send", () =>
  Effect.gen(function* () {
    const receive = yield* Receiver.make
    const { connection, webSocket, tcp } = yield* fakeConnection()
    tcp.writableLength = 64 * 1024 + 1

    webSocket.incoming.push(
      { type: "ping" },
      { type: "shout" },
      { type: "send", content: "", client_id: "c1" }
    )

    const receiving = yield* receive(connection).pipe(Effect.forkChild({ startImmediately: true }))
    assert.isTrue(webSocket.isStalled)
    assert.isEmpty(webSocket.frames)
    tcp.drain()
    yield* Fiber.join(receiving)

    assert.lengthOf(webSocket.frames, 1)
    assert.include(JSON.parse(webSocket.frames[0]!), { type: "error", code: "invalid", client_id: "c1" })
  }).pipe(Effect.provide(services))
)

it.effect("each send is decided by the latest token of its socket", () => {
  const member = { _tag: "Member", userId: UserId.make(1) } as const
  const senders: Array<string> = []
  const gate = Layer.mock(Gate, {
    isOpen: false,
    framesOf: () => undefined,
    renewSocket: () => Effect.succeed({ caller: member, expiresAt: 60 }),
    permitSend: ({ _tag }) =>
      Effect.suspend(() => {
        senders.push(_tag)
        return Effect.fail(new RateLimited({ retryAfter: Duration.seconds(1) }))
      })
  })
  return Effect.gen(function* () {
    const receive = yield* Receiver.make
    const { connection, webSocket } = yield* fakeConnection()
    const send = { type: "send", receiver_id: 2, content: "hi" }
    webSocket.incoming.push(send, { type: "auth", token: "a new one" }, send)
    yield* receive(connection)
    assert.deepStrictEqual(senders, ["Anyone", "Member"])
    assert.deepStrictEqual(connection.credential, { caller: member, expiresAt: 60 })
    assert.lengthOf(webSocket.frames, 2)
  }).pipe(Effect.provide(Layer.mergeAll(features, Layer.mock(Sends, {}), gate, Layer.mock(InboxReader, {}))))
})

const group = ConversationId.make(7)
const foreign = ConversationId.make(8)

/** A receiver whose features note what they are asked for. */
const noting = Effect.fnUntraced(function* (protocol: "minichat.v1" | "minichat.v2" = "minichat.v2") {
  const asked: Array<unknown> = []
  const scope = yield* Scope.make()
  let isLimited = false
  const blocked = new Set<number>()
  const limited = Effect.suspend(() =>
    isLimited ? Effect.fail(new RateLimited({ retryAfter: Duration.seconds(1) })) : Effect.void
  )
  const services = Layer.mergeAll(
    Layer.mock(Gate, {
      isOpen: true,
      framesOf: () => undefined,
      permit: () => Effect.void,
      permitAct: () => limited,
      permitSend: () => Effect.void,
      chargeActs: () => Effect.void,
      permitAction: () => limited
    }),
    Layer.mock(Directory, {
      isByConversation: false,
      permitSight: () => Effect.void,
      visible: (_, userIds) => Effect.succeed(userIds)
    }),
    Layer.mock(Drafts, {
      of: (sender_id, { receiver_id, conversation_id, ...message }) => {
        if (conversation_id === foreign) return Effect.fail(new NotMember())
        return Effect.succeed(
          conversation_id == null
            ? { ...message, sender_id, receiver_id: receiver_id! }
            : { ...message, sender_id, conversation_id }
        )
      }
    }),
    Layer.mock(Sends, {
      sendAll: (drafts) =>
        Effect.sync(() => {
          asked.push(["send", ...drafts])
          return drafts.map((draft) =>
            draft.reply_to_id == null
              ? Result.succeed({
                  message: {
                    id: MessageId.make(70),
                    sender_id: draft.sender_id,
                    sender_username: "alice",
                    content: draft.content,
                    timestamp: "2026-01-31T12:00:00.000Z",
                    conversation_id: group
                  },
                  delivered: false,
                  inboxes: 2
                })
              : Result.fail(new QuoteNotFound())
          )
        })
    }),
    Layer.mock(Reads, {
      mark: (userId, id, messageId) =>
        Effect.suspend(() => {
          asked.push(["read", userId, id, messageId])
          return id === foreign
            ? Effect.fail(new MessageNotFound())
            : Effect.succeed({ last_read_id: messageId, unread: 0 })
        })
    }),
    Layer.mock(Typing, {
      update: (_, userId, id, isTyping) =>
        Effect.suspend(() => {
          asked.push(["typing", userId, id, isTyping])
          return id === foreign ? Effect.fail(new ConversationNotFound()) : Effect.void
        }),
      sent: (userId, id) => Effect.sync(() => void asked.push(["sent", userId, id])),
      leave: (_, userId) => Effect.sync(() => void asked.push(["leave", userId]))
    }),
    Layer.mock(Watches, {
      open: () =>
        Effect.as(
          Effect.acquireRelease(
            Effect.sync(() => void asked.push(["open"])),
            () => Effect.sync(() => void asked.push(["close"]))
          ),
          (userIds: ReadonlyArray<UserId>) => Effect.sync(() => void asked.push(["watch", ...userIds]))
        )
    }),
    Layer.mock(Blocks, {
      hidden: (_, users) => Effect.sync(() => new Set(users.filter((userId) => blocked.has(userId))))
    }),
    Layer.mock(InboxReader, {})
  )
  const { connection, webSocket } = yield* Effect.provide(fakeConnection({ protocol }), services)
  const receive = yield* Effect.provide(Receiver.make, services)
  return {
    blocked,
    connection,
    webSocket,
    limit: () => {
      isLimited = true
    },
    /** Lets the client send frames; answers what came of them. */
    receive: Effect.fnUntraced(function* (...frames: ReadonlyArray<object>) {
      webSocket.incoming.push(...frames)
      yield* Scope.provide(receive(connection), scope)
      return { asked: asked.splice(0), frames: webSocket.frames.splice(0).map((text) => JSON.parse(text)) }
    }),
    end: Effect.map(Scope.close(scope, Exit.void), () => asked.splice(0))
  }
})

it.effect("reads, typing and watches reach their features, and are answered only when they fail", () =>
  Effect.gen(function* () {
    const { receive, end } = yield* noting()
    const { asked, frames } = yield* receive(
      { type: "read", conversation_id: group, message_id: 70 },
      { type: "typing", conversation_id: group, typing: true },
      { type: "typing", conversation_id: group, typing: false },
      { type: "watch", user_ids: [2, 3] },
      { type: "watch", user_ids: [] },
      { type: "read", conversation_id: foreign, message_id: 70 },
      { type: "typing", conversation_id: foreign, typing: true }
    )
    assert.deepStrictEqual<unknown>(asked, [
      ["read", 1, group, 70],
      ["typing", 1, group, true],
      ["typing", 1, group, false],
      ["open"],
      ["watch", 2, 3],
      ["watch"],
      ["read", 1, foreign, 70],
      ["typing", 1, foreign, true]
    ])
    assert.deepStrictEqual(frames, [
      { type: "error", code: "not_found", message: "Message not found" },
      { type: "error", code: "not_found", message: "Conversation not found" }
    ])
    assert.deepStrictEqual<unknown>(yield* end, [["close"], ["leave", 1]])
  })
)

it.effect("a socket that neither typed nor watched has nothing to end", () =>
  Effect.gen(function* () {
    const { receive, end } = yield* noting()
    yield* receive({ type: "ping" }, { type: "read", conversation_id: group, message_id: 70 })
    assert.isEmpty(yield* end)
  })
)

it.effect("answers keep the order of their frames, whoever refuses them", () =>
  Effect.gen(function* () {
    const { receive } = yield* noting()
    const send = { type: "send", content: "hi" }
    const { asked, frames } = yield* receive(
      { ...send, conversation_id: group, client_id: "1", metadata: { a: 1 } },
      { ...send, conversation_id: foreign, client_id: "2" },
      { ...send, receiver_id: 2, client_id: "3", reply_to_id: 5 },
      { type: "read", conversation_id: foreign, message_id: 70 },
      { ...send, receiver_id: 2, client_id: "4" }
    )
    assert.deepStrictEqual(
      frames.map(({ type, code, client_id }) => [type, code, client_id]),
      [
        ["ack", undefined, "1"],
        ["error", "forbidden", "2"],
        ["error", "not_found", "3"],
        ["error", "not_found", undefined],
        ["ack", undefined, "4"]
      ]
    )
    assert.deepStrictEqual<unknown>(asked[0], [
      "send",
      { sender_id: 1, content: "hi", client_id: "1", metadata: { a: 1 }, conversation_id: group }
    ])
  })
)

it.effect("a message ends the typing, when its socket has sent a typing frame", () =>
  Effect.gen(function* () {
    const { receive } = yield* noting()
    const send = { type: "send", content: "hi", conversation_id: group }
    assert.notDeepInclude((yield* receive(send)).asked, ["sent", 1, group])
    const { asked } = yield* receive({ type: "typing", conversation_id: group, typing: true }, send)
    assert.deepInclude(asked, ["sent", 1, group])
  })
)

it.effect("whom the user has blocked is sent as offline and not watched, until the block is taken back", () =>
  Effect.gen(function* () {
    const { receive, blocked, connection, webSocket } = yield* noting()
    blocked.add(3)
    const { asked, frames } = yield* receive({ type: "watch", user_ids: [2, 3] })
    assert.deepStrictEqual<unknown>(asked, [["open"], ["watch", 2]])
    assert.deepStrictEqual(frames, [{ type: "presence", user_id: 3, online: false, last_seen: null }])

    blocked.delete(3)
    blocked.add(2)
    const frame = { type: "block", seq: 1 }
    connection.inbox.offer({
      ...frame,
      frame: Buffer.from(JSON.stringify(frame)),
      committedAt: undefined,
      traceparent: undefined
    })
    yield* Effect.yieldNow.pipe(Effect.repeat({ until: () => webSocket.frames.length === 2 }))
    const later = yield* receive()
    assert.deepStrictEqual<unknown>(later.asked, [["watch", 3]])
    assert.deepStrictEqual(later.frames, [
      frame,
      { type: "presence", user_id: 2, online: false, last_seen: null }
    ])
  })
)

it.effect("reads, typing and watches beyond their rate are refused, and not done", () =>
  Effect.gen(function* () {
    const { receive, limit } = yield* noting()
    limit()
    const { asked, frames } = yield* receive(
      { type: "read", conversation_id: group, message_id: 70 },
      { type: "typing", conversation_id: group, typing: true },
      { type: "watch", user_ids: [2] }
    )
    assert.isEmpty(asked)
    assert.lengthOf(frames, 3)
    for (const frame of frames) assert.include(frame, { code: "rate_limited", retry_after_ms: 1000 })
  })
)

it.effect("a socket of the original protocol knows none of these frames", () =>
  Effect.gen(function* () {
    const { receive } = yield* noting("minichat.v1")
    const { asked, frames } = yield* receive(
      { type: "read", conversation_id: group, message_id: 70 },
      { type: "typing", conversation_id: group, typing: true },
      { type: "watch", user_ids: [2] }
    )
    assert.isEmpty(asked)
    for (const frame of frames) {
      assert.deepStrictEqual(frame, {
        type: "error",
        code: "unknown_type",
        message: "The type of a frame is one of: ping, send, auth"
      })
    }
  })
)
