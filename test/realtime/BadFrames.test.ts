import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { ChatServer } from "./support/ChatServer.ts"

const nested = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`

const NOT_OBJECTS = [
  "hello",
  "",
  "{",
  "[]",
  '[{"type":"ping"}]',
  '"ping"',
  "null",
  "1",
  "true",
  nested(20_000)
]

const UNKNOWN_TYPES = [
  {},
  { type: null },
  { type: 1 },
  { type: "Ping" },
  { type: "ping " },
  { type: ["ping"] },
  { type: "message", content: "hi" },
  { type: "__proto__" },
  { type: "toString", client_id: "c1" }
]

const INVALID_SENDS: ReadonlyArray<readonly [field: string, frame: object]> = [
  ["receiver_id", { content: "hi" }],
  ["receiver_id", { content: "hi", receiver_id: "1" }],
  ["receiver_id", { content: "hi", receiver_id: 0 }],
  ["receiver_id", { content: "hi", receiver_id: 1.5 }],
  ["receiver_id", { content: "hi", receiver_id: null }],
  ["content", { receiver_id: 1 }],
  ["content", { receiver_id: 1, content: " \n\t " }],
  ["content", { receiver_id: 1, content: "x".repeat(1001) }],
  ["content", { receiver_id: 1, content: "a\u0000b" }],
  ["content", { receiver_id: 1, content: "\ud800" }],
  ["content", { receiver_id: 1, content: ["hi"] }],
  ["client_id", { receiver_id: 1, content: "hi", client_id: 7 }],
  ["client_id", { receiver_id: 1, content: "hi", client_id: "" }],
  ["client_id", { receiver_id: 1, content: "hi", client_id: "x".repeat(201) }],
  ["client_id", { receiver_id: 1, content: "hi", client_id: "a\nb" }]
]

const INVALID_ACTIONS: ReadonlyArray<readonly [field: string, frame: object]> = [
  ["conversation_id", { type: "read", message_id: 1 }],
  ["conversation_id", { type: "read", conversation_id: "1", message_id: 1 }],
  ["conversation_id", { type: "read", conversation_id: 0, message_id: 1 }],
  ["message_id", { type: "read", conversation_id: 1 }],
  ["message_id", { type: "read", conversation_id: 1, message_id: 1.5 }],
  ["message_id", { type: "read", conversation_id: 1, message_id: Number.MAX_SAFE_INTEGER + 1 }],
  ["conversation_id", { type: "typing", typing: true }],
  ["typing", { type: "typing", conversation_id: 1 }],
  ["typing", { type: "typing", conversation_id: 1, typing: "true" }],
  ["user_ids", { type: "watch" }],
  ["user_ids", { type: "watch", user_ids: 1 }],
  ["user_ids", { type: "watch", user_ids: Array.from({ length: 201 }, (_, i) => i + 1) }],
  ["user_ids.1", { type: "watch", user_ids: [1, 0] }],
  ["reply_to_id", { type: "send", receiver_id: 1, content: "hi", reply_to_id: 0 }],
  ["receiver_id", { type: "send", receiver_id: 1, conversation_id: 1, content: "hi" }],
  ["conversation_id", { type: "send", conversation_id: -1, content: "hi" }],
  ["metadata", { type: "send", receiver_id: 1, content: "hi", metadata: [] }],
  ["metadata", { type: "send", receiver_id: 1, content: "hi", metadata: { a: "x".repeat(2048) } }],
  ["metadata", { type: "send", receiver_id: 1, content: "hi", metadata: { a: "\u0000" } }],
  ["metadata", { type: "send", receiver_id: 1, content: "hi", metadata: { a: new Array(7).fill(1e308) } }],
  ["metadata", { type: "send", receiver_id: 1, content: "hi", metadata: { a: new Array(7).fill(-1e-308) } }]
]

/** What is well formed and names nothing that the user may act on. */
const FOREIGN: ReadonlyArray<readonly [code: string, frame: object]> = [
  ["not_found", { type: "read", conversation_id: 999_999, message_id: 1 }],
  ["not_found", { type: "read", conversation_id: Number.MAX_SAFE_INTEGER, message_id: 1 }],
  ["not_found", { type: "typing", conversation_id: 999_999, typing: true }],
  ["not_found", { type: "send", conversation_id: 999_999, content: "hi", client_id: "c1" }],
  ["not_found", { type: "send", conversation_id: Number.MAX_SAFE_INTEGER, content: "hi" }]
]

layer(ChatServer.layer(), { excludeTestServices: true })("frames that a socket gets wrong", (it) => {
  const connected = Effect.gen(function* () {
    const { newUser, connect } = yield* ChatServer
    const user = yield* newUser
    const socket = yield* connect(user)
    yield* socket.expect("system")
    const ping = Effect.andThen(socket.send({ type: "ping" }), socket.expect("pong"))
    return { user, ping, ...socket }
  })

  it.effect("are bad_frame when they are not a JSON object", () =>
    Effect.gen(function* () {
      const { send, expect, ping } = yield* connected
      for (const text of NOT_OBJECTS) {
        yield* send(text)
        assert.strictEqual((yield* expect("error")).code, "bad_frame", text.slice(0, 20))
        yield* ping
      }
    })
  )

  it.effect("are bad_frame when they are binary", () =>
    Effect.gen(function* () {
      const { socket, expect, ping } = yield* connected
      socket.send(Buffer.from('{"type":"ping"}'), { binary: true })
      assert.strictEqual((yield* expect("error")).code, "bad_frame")
      yield* ping
    })
  )

  it.effect("are unknown_type when their type is none that a client sends", () =>
    Effect.gen(function* () {
      const { send, expect, ping } = yield* connected
      for (const frame of UNKNOWN_TYPES) {
        yield* send(frame)
        const error = yield* expect("error")
        assert.strictEqual(error.code, "unknown_type", JSON.stringify(frame))
        assert.strictEqual(error.client_id, (frame as { client_id?: string }).client_id)
        yield* ping
      }
    })
  )

  it.effect("are invalid when a field is, and the answer names the field", () =>
    Effect.gen(function* () {
      const { send, expect, ping } = yield* connected
      for (const [field, frame] of INVALID_SENDS) {
        yield* send({ type: "send", client_id: "c1", ...frame })
        const { code, message, client_id } = yield* expect("error")
        assert.strictEqual(code, "invalid", JSON.stringify(frame).slice(0, 60))
        assert.match(message, new RegExp(`^${field}: `))
        const sent = { client_id: "c1", ...frame }.client_id
        assert.strictEqual(client_id, typeof sent === "string" ? sent : undefined)
        yield* ping
      }
    })
  )

  it.effect("are invalid when a field of a read, typing, watch or of the new ones of a send is", () =>
    Effect.gen(function* () {
      const { send, expect, ping } = yield* connected
      for (const [field, frame] of INVALID_ACTIONS) {
        yield* send(frame)
        const { code, message } = yield* expect("error")
        assert.strictEqual(code, "invalid", JSON.stringify(frame).slice(0, 60))
        assert.match(message, new RegExp(`^${field}[.:]`), JSON.stringify(frame).slice(0, 60))
        yield* ping
      }
    })
  )

  it.effect("are not_found when there is no such conversation, and forbidden when it is that of others", () =>
    Effect.gen(function* () {
      const { newUser, post } = yield* ChatServer
      const { send, expect, ping } = yield* connected
      const { conversation_id, id } = yield* post(yield* newUser, yield* newUser, "not for you")
      const ofOthers: ReadonlyArray<readonly [string, object]> = [
        ["forbidden", { type: "read", conversation_id, message_id: id }],
        ["forbidden", { type: "typing", conversation_id, typing: true }],
        ["forbidden", { type: "send", conversation_id, content: "hi" }]
      ]
      for (const [code, frame] of [...FOREIGN, ...ofOthers]) {
        yield* send(frame)
        assert.strictEqual((yield* expect("error")).code, code, JSON.stringify(frame))
        yield* ping
      }
    })
  )

  it.effect("get no presence for an empty watch, and that of two hundred users at once", () =>
    Effect.gen(function* () {
      const { send, expect, ping, take } = yield* connected
      yield* send({ type: "watch", user_ids: [] })
      yield* ping
      yield* send({ type: "watch", user_ids: Array.from({ length: 200 }, (_, i) => 900_000 + i) })
      for (const frame of yield* take(200)) assert.include(frame, { type: "presence", online: false })
      yield* send({ type: "typing", conversation_id: 1, typing: false })
      yield* ping
      yield* send({ type: "watch", user_ids: [1, 1, 1].map(() => 900_000) })
      yield* expect("presence")
      yield* ping
    })
  )

  it.effect("are invalid when a user sends to itself", () =>
    Effect.gen(function* () {
      const { user, send, expect } = yield* connected
      yield* send({ type: "send", receiver_id: user.id, content: "hi", client_id: "c1" })
      assert.deepStrictEqual<unknown>(yield* expect("error"), {
        type: "error",
        code: "invalid",
        message: "receiver_id: must not be the sender",
        client_id: "c1"
      })
    })
  )

  it.effect("are receiver_not_found when nobody has that id", () =>
    Effect.gen(function* () {
      const { send, expect } = yield* connected
      for (const receiver_id of [999_999, 2_147_483_648, Number.MAX_SAFE_INTEGER]) {
        yield* send({ type: "send", receiver_id, content: "hi", client_id: "c1" })
        assert.deepStrictEqual<unknown>(yield* expect("error"), {
          type: "error",
          code: "receiver_not_found",
          message: "Receiver not found",
          client_id: "c1"
        })
      }
    })
  )

  it.effect("close the socket with 1008 when 20 come in a row, whichever they are", () =>
    Effect.gen(function* () {
      const { user, send, expect, closed, arrived } = yield* connected
      const bad = [
        "?",
        { type: "shout" },
        { type: "send" },
        { type: "send", receiver_id: user.id, content: "hi" }
      ]
      for (let i = 0; i < 20; i++) yield* send(bad[i % bad.length]!)
      for (let i = 0; i < 20; i++) yield* expect("error")
      assert.deepStrictEqual(yield* closed, { code: 1008, reason: "Too many bad frames in a row" })
      assert.isEmpty(yield* arrived)
    })
  )

  it.effect("do not close the socket while a good one comes before the 20th", () =>
    Effect.gen(function* () {
      const { send, expect, ping } = yield* connected
      for (let round = 0; round < 3; round++) {
        for (let i = 0; i < 19; i++) yield* send("?")
        for (let i = 0; i < 19; i++) yield* expect("error")
        yield* ping
      }
    })
  )

  it.effect("close the socket with 1009 when one is larger than 64 KiB", () =>
    Effect.gen(function* () {
      const { send, expect, closed } = yield* connected
      const frameOf = (bytes: number) => {
        const frame = { type: "ping", padding: "" }
        return JSON.stringify({ ...frame, padding: "x".repeat(bytes - JSON.stringify(frame).length) })
      }
      yield* send(frameOf(65_536))
      yield* expect("pong")
      yield* send(frameOf(65_537))
      assert.strictEqual((yield* closed).code, 1009)
    })
  )

  it.effect("are put together when they come in fragments", () =>
    Effect.gen(function* () {
      const { socket, expect } = yield* connected
      socket.send('{"type":', { fin: false })
      socket.send('"ping"}', { fin: true })
      yield* expect("pong")
    })
  )
})
