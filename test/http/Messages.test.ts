import { assert, describe, layer } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import type { MessageId } from "../../src/domain/Message.ts"
import type { User } from "../../src/domain/User.ts"
import { openSocket } from "../support/TestSocket.ts"
import { ChatServer, MESSAGE_FIELDS, newPair, newUser, send, TIMESTAMP } from "./ChatServer.ts"

layer(ChatServer.layer, { excludeTestServices: true })((it) => {
  describe("messages", () => {
    it.effect("a message is answered as it was committed", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const { alice, bob } = yield* newPair

        const { status, headers, json } = yield* ask("POST", "/messages/", {
          json: { sender_id: alice.id, receiver_id: bob.id, content: "hello" }
        })

        assert.strictEqual(status, 200)
        assert.strictEqual(headers.get("content-type"), "application/json")
        assert.deepEqual(Object.keys(json), [...MESSAGE_FIELDS, "delivered_via_websocket"])
        assert.isTrue(Number.isInteger(json.id))
        assert.match(json.timestamp, TIMESTAMP)
        assert.deepInclude(json, {
          sender_id: alice.id,
          sender_username: alice.username,
          receiver_id: bob.id,
          content: "hello",
          delivered_via_websocket: false
        })
      })
    )

    it.effect.each([
      ["in Hebrew and Arabic", "שלום مرحبا \u202Eabc\u202C"],
      ["with joined emoji", "👩‍👩‍👧‍👦 🏳️‍🌈"],
      ["with combining marks, not composed", "e\u0301 n\u0303"],
      ["with quotes, backslashes and line breaks", "\"'\\ \n\t\u2028 \\u0041"],
      ["with SQL", "'; DROP TABLE messages; --"],
      ["with HTML", "<script>alert(1)</script>&amp;"],
      ["of 1 character", "x"],
      ["of 1000 letters", "x".repeat(1000)],
      ["of 1000 emoji", "🐇".repeat(1000)]
    ] as const)("content %s is kept byte for byte", ([, content]) =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const { alice, bob } = yield* newPair

        const sent = yield* send(alice, bob, content)

        assert.strictEqual(sent.content, content)
        const paths = [
          `/messages/?user_id=${bob.id}`,
          `/messages/recent/${bob.id}`,
          `/users/${bob.id}/events?since=0`
        ]
        const [history, recent, events] = yield* Effect.forEach(paths, (path) => ask("GET", path))
        assert.strictEqual(history!.json[0].content, content)
        assert.strictEqual(recent!.json.messages[0].content, content)
        assert.strictEqual(events!.json.events[0].content, content)
      })
    )

    it.effect.each([
      ["kept inside and dropped around it", " \n\t two  words \u00a0 ", "two  words"],
      ["not counted", " ".repeat(500) + "x".repeat(1000) + " ".repeat(500), "x".repeat(1000)]
    ] as const)("white space of the content is %s", ([, given, kept]) =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const { alice, bob } = yield* newPair
        const { status, json } = yield* ask("POST", "/messages/", {
          json: { sender_id: alice.id, receiver_id: bob.id, content: given }
        })
        assert.deepEqual([status, json.content], [200, kept])
      })
    )

    it.effect("delivered_via_websocket is true when a live socket was handed the message", () =>
      Effect.gen(function* () {
        const { server } = yield* ChatServer
        const { alice, bob } = yield* newPair
        const socket = yield* openSocket(`${server.webSocketUrl}/ws/${bob.id}`)
        yield* socket.nextOf("system")

        const toBob = yield* send(alice, bob, "to bob")
        const toAlice = yield* send(bob, alice, "to alice")

        assert.isTrue(toBob.delivered_via_websocket)
        assert.isFalse(toAlice.delivered_via_websocket)
        assert.include(yield* socket.next, { type: "message", id: toBob.id })
      })
    )

    it.effect("a repeated client_id answers with the first message, and sends nothing", () =>
      Effect.gen(function* () {
        const { stored } = yield* ChatServer
        const { alice, bob } = yield* newPair
        const first = yield* send(alice, bob, "once", "c1")
        const before = yield* stored

        const again = yield* send(alice, bob, " once ", "c1")

        assert.deepEqual(again, first)
        assert.strictEqual(yield* stored, before)
      })
    )

    it.effect("parallel sends with one client_id are one message", () =>
      Effect.gen(function* () {
        const { client } = yield* ChatServer
        const { alice, bob } = yield* newPair
        const sent = yield* Effect.replicateEffect(send(alice, bob, "once", "c1"), 10, {
          concurrency: "unbounded"
        })
        assert.lengthOf(new Set(sent.map(({ id }) => id)), 1)
        assert.lengthOf(yield* client.messages.history({ query: { user_id: bob.id, skip: 0, limit: 50 } }), 1)
      })
    )

    it.effect("a client_id that was used for another message is a conflict", () =>
      Effect.gen(function* () {
        const { ask, stored } = yield* ChatServer
        const { alice, bob } = yield* newPair
        const carol = yield* newUser
        yield* send(alice, bob, "first", "c1")
        const before = yield* stored

        const other = { sender_id: alice.id, receiver_id: bob.id, content: "first", client_id: "c1" }
        for (const change of [{ content: "second" }, { receiver_id: carol.id }]) {
          const { status, json } = yield* ask("POST", "/messages/", { json: { ...other, ...change } })
          assert.strictEqual(status, 409)
          assert.deepEqual(json, {
            type: "urn:minichat:problem:client-id-conflict",
            title: "Conflict",
            status: 409,
            detail: "This client_id was used for another message"
          })
        }
        assert.strictEqual(yield* stored, before)
      })
    )

    it.effect("a client_id is the sender's own: another sender may use it too", () =>
      Effect.gen(function* () {
        const { alice, bob } = yield* newPair
        const first = yield* send(alice, bob, "from alice", "c1")
        const second = yield* send(bob, alice, "from bob", "c1")
        assert.notStrictEqual(second.id, first.id)
      })
    )

    it.effect("a client_id of null is none: each send is a message of its own", () =>
      Effect.gen(function* () {
        const { client } = yield* ChatServer
        const { alice, bob } = yield* newPair
        const payload = { sender_id: alice.id, receiver_id: bob.id, content: "hi", client_id: null }
        const first = yield* client.messages.send({ payload })
        const second = yield* client.messages.send({ payload })
        assert.notStrictEqual(second.id, first.id)
      })
    )

    it.effect("unknown users refuse a message, the sender first", () =>
      Effect.gen(function* () {
        const { ask, stored } = yield* ChatServer
        const alice = yield* newUser
        const before = yield* stored
        const attempt = (sender_id: number, receiver_id: number) =>
          ask("POST", "/messages/", { json: { sender_id, receiver_id, content: "hi" } })

        for (const stranger of [2_147_483_647, 2_147_483_648, Number.MAX_SAFE_INTEGER]) {
          const receiver = yield* attempt(alice.id, stranger)
          assert.deepEqual(
            [receiver.status, receiver.json.type, receiver.json.detail],
            [404, "urn:minichat:problem:receiver-not-found", "Receiver not found"]
          )
          const sender = yield* attempt(stranger, alice.id)
          assert.deepEqual(
            [sender.status, sender.json.type, sender.json.detail],
            [404, "urn:minichat:problem:sender-not-found", "Sender not found"]
          )
          assert.strictEqual((yield* attempt(stranger, stranger - 1)).json.detail, "Sender not found")
        }
        assert.strictEqual(yield* stored, before)
      })
    )

    it.effect("a sender whose request is cut off after the commit loses nothing", () =>
      Effect.gen(function* () {
        const { client } = yield* ChatServer
        const { alice, bob } = yield* newPair
        const sends = yield* Effect.forEach(Array.from({ length: 20 }), (_, i) =>
          Effect.forkChild(send(alice, bob, `cut off ${i}`, `c${i}`))
        )
        yield* Effect.forEach(sends, Fiber.interrupt, { concurrency: "unbounded" })

        const again = yield* Effect.forEach(sends, (_, i) => send(alice, bob, `cut off ${i}`, `c${i}`))

        const { events } = yield* client.users.events({
          params: { user_id: bob.id },
          query: { since: 0, limit: 100, wait: 0 }
        })
        assert.sameMembers(
          events.map((event) => "id" in event && event.id),
          again.map(({ id }) => id)
        )
        assert.deepEqual(
          events.map(({ seq }) => seq),
          again.map((_, i) => i + 1)
        )
      })
    )
  })

  describe("reading messages", () => {
    it.effect("a history is newest first, and has what the user sent and received", () =>
      Effect.gen(function* () {
        const { ask, client } = yield* ChatServer
        const { alice, bob } = yield* newPair
        const carol = yield* newUser
        const sent = (from: User, to: User, content: string) =>
          Effect.map(send(from, to, content), ({ delivered_via_websocket: _, ...message }) => message)
        const [first, second, third, fourth] = yield* Effect.all([
          sent(alice, bob, "1"),
          sent(bob, alice, "2"),
          sent(carol, alice, "3"),
          sent(bob, carol, "4")
        ])

        const { status, text } = yield* ask("GET", `/messages/?user_id=${alice.id}`)

        assert.strictEqual(status, 200)
        assert.strictEqual(text, JSON.stringify([third, second, first]))
        assert.deepEqual(yield* historyOf(bob), [fourth, second, first])
        assert.deepEqual(yield* historyOf(alice, { chat_with: bob.id }), [second, first])
        assert.deepEqual(yield* historyOf(bob, { chat_with: alice.id }), [second, first])
        assert.deepEqual(yield* historyOf(carol, { chat_with: carol.id }), [])
        assert.deepEqual(
          yield* client.messages.history({
            query: { user_id: alice.id, chat_with: bob.id, skip: 0, limit: 50 }
          }),
          [second, first]
        )
      })
    )

    it.effect("a history is paged by skip and limit, and by before_id", () =>
      Effect.gen(function* () {
        const { alice, bob } = yield* newPair
        const ids = yield* sendMany(alice, bob, 5)
        const newestFirst = ids.toReversed()

        const contents = (options: HistoryOptions) =>
          Effect.map(historyOf(bob, options), (page) => page.map(({ id }) => id))
        assert.deepEqual(yield* contents({ skip: 1, limit: 2 }), newestFirst.slice(1, 3))
        assert.deepEqual(yield* contents({ skip: 4 }), newestFirst.slice(4))
        assert.deepEqual(yield* contents({ skip: 5 }), [])
        assert.deepEqual(yield* contents({ skip: 10_000 }), [])
        assert.deepEqual(yield* contents({ before_id: newestFirst[1]! }), newestFirst.slice(2))
        assert.deepEqual(yield* contents({ before_id: newestFirst[1]!, limit: 2 }), newestFirst.slice(2, 4))
        assert.deepEqual(
          yield* contents({ chat_with: alice.id, before_id: newestFirst[1]!, skip: 1, limit: 1 }),
          [newestFirst[3]]
        )
        assert.deepEqual(yield* contents({ before_id: ids[0]! }), [])
      })
    )

    it.effect("a history has 50 messages unless the limit says otherwise, and at most 1000", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const { alice, bob } = yield* newPair
        yield* sendMany(alice, bob, 60)
        const { json: byDefault } = yield* ask("GET", `/messages/?user_id=${bob.id}`)
        const { json: all } = yield* ask("GET", `/messages/?user_id=${bob.id}&limit=1000`)
        assert.lengthOf(byDefault, 50)
        assert.lengthOf(all, 60)
      })
    )

    it.effect("users that do not exist have an empty history", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const { alice, bob } = yield* newPair
        yield* send(alice, bob, "hello")
        for (const stranger of ["2147483647", "2147483648", "9223372036854775808", "9".repeat(99)]) {
          for (const query of [`user_id=${stranger}`, `user_id=${alice.id}&chat_with=${stranger}`]) {
            const { status, json } = yield* ask("GET", `/messages/?${query}`)
            assert.deepEqual([status, json], [200, []])
          }
          const { status, json } = yield* ask("GET", `/messages/recent/${stranger}`)
          assert.deepEqual([status, json], [200, { messages: [] }])
        }
      })
    )

    it.effect("a before_id above every id hides nothing", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const { alice, bob } = yield* newPair
        const { id } = yield* send(alice, bob, "hello")
        for (const above of [
          "9007199254740993",
          "9223372036854775807",
          "9223372036854775808",
          "9".repeat(400)
        ]) {
          const { status, json } = yield* ask("GET", `/messages/?user_id=${bob.id}&before_id=${above}`)
          assert.strictEqual(status, 200)
          assert.deepEqual(
            json.map((message: { id: number }) => message.id),
            [id]
          )
        }
      })
    )

    it.effect("recent messages are the latest 50 received ones, newest first", () =>
      Effect.gen(function* () {
        const { ask, client } = yield* ChatServer
        const { alice, bob } = yield* newPair
        const { text } = yield* ask("GET", `/messages/recent/${bob.id}`)
        assert.strictEqual(text, '{"messages":[]}')

        yield* sendMany(alice, bob, 55)
        yield* send(bob, alice, "not received")

        const received = (yield* historyOf(bob, { limit: 100 })).filter(
          ({ receiver_id }) => receiver_id === bob.id
        )
        const recent = yield* client.messages.recent({ params: { user_id: bob.id } })
        assert.lengthOf(recent.messages, 50)
        assert.deepEqual(recent.messages, received.slice(0, 50))
        const raw = yield* ask("GET", `/messages/recent/${bob.id}`)
        assert.strictEqual(raw.text, JSON.stringify({ messages: received.slice(0, 50) }))
      })
    )

    it.effect("a message stands in the recent ones as soon as its send is answered", () =>
      Effect.gen(function* () {
        const { client } = yield* ChatServer
        const { alice, bob } = yield* newPair
        for (const content of ["1", "2", "3"]) {
          const { id } = yield* send(alice, bob, content)
          const { messages } = yield* client.messages.recent({ params: { user_id: bob.id } })
          assert.strictEqual(messages[0]!.id, id)
        }
      })
    )
  })
})

interface HistoryOptions {
  readonly chat_with?: User["id"]
  readonly before_id?: MessageId
  readonly skip?: number
  readonly limit?: number
}

const historyOf = (user: User, options: HistoryOptions = {}) =>
  Effect.flatMap(ChatServer, ({ client }) =>
    client.messages.history({ query: { user_id: user.id, skip: 0, limit: 50, ...options } })
  )

/** The ids of messages that were sent one after the other. */
const sendMany = (from: User, to: User, count: number) =>
  Effect.forEach(Array.from({ length: count }), (_, i) =>
    Effect.map(send(from, to, `message ${i}`), ({ id }) => id)
  )
