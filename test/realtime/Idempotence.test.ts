import { assert, describe, it, layer } from "@effect/vitest"
import { Array, Effect, Exit } from "effect"
import type { User } from "../../src/domain/User.ts"
import { startServer } from "../support/TestServer.ts"
import { ChatServer, chatOn, hasSharedServices, sharedServices } from "./support/ChatServer.ts"

type Chat = ChatServer["Service"]

/** How often one send is repeated, on each way. */
const REPEATS = 10

/** Sends over a socket of its own, and answers with what the server does. */
const sendOnce = Effect.fnUntraced(function* (
  { connect }: Chat,
  from: User,
  to: User,
  content: string,
  client_id: string
) {
  const socket = yield* connect(from, { protocol: null })
  yield* socket.expect("system")
  yield* socket.send({ type: "send", receiver_id: to.id, content, client_id })
  return yield* socket.next
}, Effect.scoped)

const head = ({ connect }: Chat, user: User) =>
  Effect.scoped(
    Effect.flatMap(connect(user), ({ expect }) => Effect.map(expect("system"), ({ cursor }) => cursor))
  )

/** The same send, at once, over REST and sockets of all nodes, is one message with one answer. */
const repeatEverywhere = Effect.fnUntraced(function* (nodes: ReadonlyArray<Chat>) {
  const [first] = nodes as [Chat]
  const [alice, bob] = [yield* first.newUser, yield* first.newUser]

  const byRest = nodes.flatMap(({ post }) => Array.makeBy(REPEATS, () => post(alice, bob, "once", "c1")))
  const bySocket = nodes.flatMap((chat) =>
    Array.makeBy(REPEATS, () => sendOnce(chat, alice, bob, "once", "c1"))
  )
  const [posted, acked] = yield* Effect.all(
    [Effect.all(byRest, { concurrency: "unbounded" }), Effect.all(bySocket, { concurrency: "unbounded" })],
    { concurrency: "unbounded" }
  )

  const history = yield* first.client.messages.history({ query: { user_id: bob.id, skip: 0, limit: 50 } })
  assert.lengthOf(history, 1)
  for (const { delivered_via_websocket: _, ...message } of posted) assert.deepStrictEqual(message, history[0])
  for (const ack of acked) {
    assert.deepStrictEqual<unknown>(ack, { type: "ack", client_id: "c1", message: history[0] })
  }
  assert.deepStrictEqual([yield* head(first, alice), yield* head(first, bob)], [1, 1])
})

/** Of two sends with one client_id and different contents, one is sent and the other refused. */
const conflictEverywhere = Effect.fnUntraced(function* (nodes: ReadonlyArray<Chat>) {
  const [first] = nodes as [Chat]
  const [alice, bob] = [yield* first.newUser, yield* first.newUser]

  const outcomes = yield* Effect.all(
    nodes.flatMap((chat, i) => [
      Effect.map(Effect.exit(chat.post(alice, bob, `rest ${i}`, "c1")), Exit.isSuccess),
      Effect.map(sendOnce(chat, alice, bob, `socket ${i}`, "c1"), (frame) =>
        frame.type === "error" ? frame.code : true
      )
    ]),
    { concurrency: "unbounded" }
  )

  assert.lengthOf(
    outcomes.filter((outcome) => outcome === true),
    1
  )
  assert.isTrue(outcomes.every((outcome) => typeof outcome === "boolean" || outcome === "conflict"))
  assert.deepStrictEqual([yield* head(first, alice), yield* head(first, bob)], [1, 1])
})

layer(ChatServer.layer(), { excludeTestServices: true })("a client_id", (it) => {
  const aliceAndBob = Effect.gen(function* () {
    const chat = yield* ChatServer
    return { chat, alice: yield* chat.newUser, bob: yield* chat.newUser }
  })

  it.effect("makes a send that is repeated everywhere at once one message", () =>
    Effect.flatMap(ChatServer, (chat) => repeatEverywhere([chat]))
  )

  it.effect("lets one of two sends that differ through", () =>
    Effect.flatMap(ChatServer, (chat) => conflictEverywhere([chat]))
  )

  it.effect("is a conflict for another content or another receiver, and takes no number", () =>
    Effect.gen(function* () {
      const { chat, alice, bob } = yield* aliceAndBob
      const carol = yield* chat.newUser
      yield* chat.post(alice, bob, "first", "c1")

      const problem = yield* Effect.flip(chat.post(alice, bob, "other", "c1"))
      const toCarol = yield* Effect.flip(chat.post(alice, carol, "first", "c1"))
      const frame = yield* sendOnce(chat, alice, carol, "first", "c1")

      assert.include(problem, { _tag: "ClientIdConflict", status: 409 })
      assert.include(toCarol, { _tag: "ClientIdConflict", status: 409 })
      assert.deepStrictEqual<unknown>(frame, {
        type: "error",
        code: "conflict",
        message: "This client_id was used for another message",
        client_id: "c1"
      })
      const heads = yield* Effect.forEach([alice, bob, carol], (user) => head(chat, user))
      assert.deepStrictEqual(heads, [1, 1, 0])
    })
  )

  it.effect("holds for a content that differs in the white space around it only", () =>
    Effect.gen(function* () {
      const { chat, alice, bob } = yield* aliceAndBob
      const first = yield* chat.post(alice, bob, "same", "c1")
      const frame = yield* sendOnce(chat, alice, bob, "  same\n", "c1")
      assert.include(frame.type === "ack" ? frame.message : {}, { id: first.id })
    })
  )

  it.effect("is its sender's own: another user may use the same", () =>
    Effect.gen(function* () {
      const { chat, alice, bob } = yield* aliceAndBob
      const one = yield* chat.post(alice, bob, "hello", "c1")
      const other = yield* chat.post(bob, alice, "hello", "c1")
      assert.notStrictEqual(one.id, other.id)
    })
  )

  it.effect("repeats within one burst of a socket are answered alike", () =>
    Effect.gen(function* () {
      const { chat, alice, bob } = yield* aliceAndBob
      const socket = yield* chat.connect(alice, { protocol: null })
      yield* socket.expect("system")
      const send = (content: string, client_id: string) =>
        socket.send({ type: "send", receiver_id: bob.id, content, client_id })

      yield* Effect.all([send("one", "c1"), send("one", "c1"), send("two", "c1"), send("one", "c1")])

      const [first, second, third, fourth] = yield* socket.take(4)
      assert.strictEqual(first?.type, "ack")
      assert.deepStrictEqual([second, fourth], [first, first])
      assert.include(third, { type: "error", code: "conflict", client_id: "c1" })
      assert.strictEqual(yield* head(chat, bob), 1)
    })
  )

  it.effect("has 1 to 200 characters, of which none is a control character", () =>
    Effect.gen(function* () {
      const { chat, alice, bob } = yield* aliceAndBob
      const answer = (client_id: string) =>
        Effect.promise(() =>
          fetch(`${chat.server.url}/messages/`, {
            method: "POST",
            headers: { "content-type": "application/json" },
            body: JSON.stringify({ sender_id: alice.id, receiver_id: bob.id, content: "hi", client_id })
          }).then(({ status }) => status)
        )
      for (const wrong of ["", "x".repeat(201), "a\nb", "a\u0000", "\u007f", "\u0085", "\ud800"]) {
        assert.strictEqual(yield* answer(wrong), 422, JSON.stringify(wrong).slice(0, 20))
        const frame = yield* sendOnce(chat, alice, bob, "hi", wrong)
        assert.include(frame, { type: "error", code: "invalid" })
      }
      for (const right of ["x", "\u{1F600}".repeat(200), " ", "__proto__"]) {
        assert.strictEqual(yield* answer(right), 200)
        assert.include(yield* sendOnce(chat, alice, bob, "hi", right), { type: "ack", client_id: right })
      }
      assert.strictEqual(yield* head(chat, bob), 4)
    })
  )
})

describe.runIf(hasSharedServices)("a client_id on two nodes", () => {
  const twoNodes = Effect.gen(function* () {
    const services = yield* sharedServices
    const node = Effect.flatMap(startServer(services), chatOn)
    return [yield* node, yield* node]
  })

  it.live("makes a send that is repeated everywhere at once one message", () =>
    Effect.flatMap(twoNodes, repeatEverywhere)
  )

  it.live("lets one of sends that differ through", () => Effect.flatMap(twoNodes, conflictEverywhere))
})
