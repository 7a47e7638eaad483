import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { until } from "../support/Until.ts"
import { ChatServer, newPair, newUser, send } from "./ChatServer.ts"
import { eventsOf, newGroup, sendTo } from "./Groups.ts"

const erase = (id: number) => ChatServer.use(({ ask }) => ask("DELETE", `/users/${id}`))

const isFinished = (id: number) => until(Effect.map(erase(id), ({ status }) => status === 204))

const linesOf = (text: string) => {
  const lines = text.split("\n")
  assert.strictEqual(lines.pop(), "")
  return lines.map((line) => JSON.parse(line))
}

layer(ChatServer.layer, { excludeTestServices: true })("DELETE /users/{user_id}", (it) => {
  it.effect("is 202 while the erasure is under way and 204 once it is finished", () =>
    Effect.gen(function* () {
      const { alice, bob } = yield* newPair
      yield* send(alice, bob, "hello")
      const { status, json, headers } = yield* erase(alice.id)
      assert.strictEqual(status, 202)
      assert.deepEqual(Object.keys(json), ["user_id", "ordered_at", "finished_at"])
      assert.deepEqual([json.user_id, json.finished_at], [alice.id, null])
      assert.strictEqual(headers.get("cache-control"), "no-store")
      yield* isFinished(alice.id)
      const { text } = yield* erase(alice.id)
      assert.strictEqual(text, "")
    })
  )

  it.effect("of nobody is 404, and of what is no id 422", () =>
    Effect.gen(function* () {
      for (const id of [2_147_483_647, 2_147_483_648, Number.MAX_SAFE_INTEGER])
        assert.strictEqual((yield* erase(id)).status, 404)
      for (const id of [0, -1, 1.5]) assert.strictEqual((yield* erase(id)).status, 422)
    })
  )

  it.effect("makes the user unknown to every call", () =>
    Effect.gen(function* () {
      const { ask } = yield* ChatServer
      const { alice, bob } = yield* newPair
      const { id, conversation_id } = yield* send(alice, bob, "hello")
      yield* send(bob, alice, "answer")
      const hikes = yield* newGroup(alice, [bob])
      yield* erase(alice.id)
      const draft = { content: "x", client_id: "c1" }
      for (const [status, call] of [
        [404, ask("GET", `/users/${alice.id}`)],
        [404, ask("GET", `/users/${alice.id}/presence`)],
        [404, ask("GET", `/users/${alice.id}/events?since=0`)],
        [404, ask("GET", `/users/${alice.id}/export`)],
        [404, ask("POST", `/users/${alice.id}/disconnect`, { json: {} })],
        [404, ask("POST", "/messages/", { json: { sender_id: alice.id, receiver_id: bob.id, ...draft } })],
        [404, ask("POST", "/messages/", { json: { sender_id: bob.id, receiver_id: alice.id, ...draft } })],
        [404, ask("POST", "/messages/", { json: { sender_id: bob.id, conversation_id, ...draft } })],
        [
          403,
          ask("POST", "/messages/", { json: { sender_id: alice.id, conversation_id: hikes.id, ...draft } })
        ],
        [404, ask("POST", "/conversations/", { json: { user_id: bob.id, kind: "direct", with: alice.id } })],
        [
          404,
          ask("POST", "/conversations/", {
            json: { user_id: bob.id, kind: "group", title: "t", member_ids: [alice.id] }
          })
        ]
      ] as const)
        assert.strictEqual((yield* call).status, status)
      yield* isFinished(alice.id)
      for (const call of [
        ask("GET", `/messages/${id}?user_id=${alice.id}`),
        ask("PUT", `/messages/${id}/reactions/%F0%9F%91%8D?user_id=${alice.id}`),
        ask("PATCH", `/messages/${id}`, { json: { user_id: alice.id, content: "back" } }),
        ask("POST", `/conversations/${conversation_id}/read`, {
          json: { user_id: alice.id, message_id: id }
        }),
        ask("GET", `/conversations/${conversation_id}?user_id=${alice.id}`),
        ask("GET", `/messages/?user_id=${alice.id}&conversation_id=${conversation_id}`)
      ])
        assert.strictEqual((yield* call).status, 403)
      assert.strictEqual((yield* ask("GET", `/conversations/?user_id=${alice.id}`)).status, 404)
      assert.deepEqual((yield* ask("GET", `/messages/?user_id=${alice.id}`)).json, [])
      assert.deepEqual((yield* ask("GET", `/messages/recent/${alice.id}`)).json, { messages: [] })
      const made = yield* ask("POST", "/users/", { json: { username: alice.username } })
      assert.strictEqual(made.status, 200)
      // What others do in the conversation that the user left is an event for them only.
      const answer = yield* ask("GET", `/messages/?user_id=${bob.id}&chat_with=${alice.id}&limit=1`)
      const edited = yield* ask("PATCH", `/messages/${answer.json[0].id}`, {
        json: { user_id: bob.id, content: "edited" }
      })
      assert.strictEqual(edited.status, 200)
      const read = yield* ask("POST", `/conversations/${conversation_id}/read`, {
        json: { user_id: bob.id, message_id: answer.json[0].id }
      })
      assert.strictEqual(read.status, 200)
      const types = (yield* eventsOf(bob)).map(({ type }: { type: string }) => type)
      assert.deepEqual(types.slice(-2), ["message_updated", "read"])
    })
  )
})

layer(ChatServer.layer, { excludeTestServices: true })("GET /users/{user_id}/export", (it) => {
  it.effect("is a line for each thing that is stored of the user, and an end", () =>
    Effect.gen(function* () {
      const { ask } = yield* ChatServer
      const { alice, bob } = yield* newPair
      const first = yield* send(alice, bob, "hello", "c1")
      const answer = yield* send(bob, alice, "not hers")
      const hikes = yield* newGroup(bob, [alice])
      const metadata = { a: 1 }
      const second = yield* sendTo(alice, hikes.id, "group", { metadata })
      yield* ask("PUT", `/messages/${answer.id}/reactions/%F0%9F%91%8D?user_id=${alice.id}`)
      yield* ask("PUT", `/messages/${answer.id}/reactions/%E2%9D%A4%EF%B8%8F?user_id=${alice.id}`)
      yield* ask("POST", `/conversations/${first.conversation_id}/read`, {
        json: { user_id: alice.id, message_id: answer.id }
      })

      const { status, headers, text } = yield* ask("GET", `/users/${alice.id}/export`)

      assert.strictEqual(status, 200)
      assert.strictEqual(headers.get("content-type"), "application/x-ndjson")
      assert.strictEqual(headers.get("content-disposition"), `attachment; filename="user-${alice.id}.ndjson"`)
      assert.strictEqual(headers.get("cache-control"), "no-store")
      assert.isNull(headers.get("etag"))
      const lines = linesOf(text)
      const direct = (yield* ask("GET", `/conversations/${first.conversation_id}?user_id=${alice.id}`)).json
      const { last_message: _, unread: __, last_read_id, activity: ___, ...conversation } = direct
      assert.strictEqual(last_read_id, answer.id)
      assert.deepEqual(lines[0], { type: "profile", user: alice })
      assert.deepInclude(lines[1], { type: "conversation", conversation, last_read_id })
      assert.deepInclude(lines[2].conversation, { id: hikes.id, role: "member" })
      const { delivered_via_websocket: ____, ...sent } = first
      assert.deepEqual(lines[3], { type: "message", message: sent, client_id: "c1" })
      assert.deepInclude(lines[4].message, { id: second.id, content: "group", metadata })
      assert.deepEqual(
        lines.slice(5).map(({ created_at: _, ...line }) => line),
        [
          ...["❤️", "👍"].map((emoji) => ({
            type: "reaction",
            message_id: answer.id,
            conversation_id: first.conversation_id,
            emoji
          })),
          { type: "end", records: 7 }
        ]
      )
      assert.notInclude(text, "not hers")
    })
  )

  it.effect("pages through more than one query reads", () =>
    Effect.gen(function* () {
      const { ask } = yield* ChatServer
      const { alice, bob } = yield* newPair
      yield* Effect.forEach(Array.from({ length: 250 }), (_, i) => send(alice, bob, `message ${i}`), {
        concurrency: 50
      })
      const lines = linesOf((yield* ask("GET", `/users/${alice.id}/export`)).text)
      const messages = lines.flatMap(({ message }) => message ?? [])
      assert.lengthOf(new Set(messages.map(({ content }) => content)), 250)
      assert.deepEqual(
        messages,
        messages.toSorted((a, b) => a.id - b.id)
      )
      assert.deepEqual(lines.at(-1), { type: "end", records: lines.length - 1 })
    })
  )

  it.effect("answers HEAD without a body", () =>
    Effect.gen(function* () {
      const { ask } = yield* ChatServer
      const alice = yield* newUser
      const { status, text } = yield* ask("HEAD", `/users/${alice.id}/export`)
      assert.deepEqual([status, text], [200, ""])
      assert.strictEqual((yield* ask("GET", `/users/${alice.id}/export`)).status, 200)
    })
  )
})
