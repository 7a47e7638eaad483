import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { ChatServer, newPair, newUser, send } from "./ChatServer.ts"
import { newGroup, sendTo } from "./Groups.ts"

const searchPath = (query: Readonly<Record<string, string | number>>) =>
  `/messages/search?${new URLSearchParams(Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]))}`

layer(ChatServer.layer, { excludeTestServices: true })("GET /messages/search", (it) => {
  /** Asks for a search, and asserts that it wrote nothing. */
  const ask = Effect.fnUntraced(function* (query: Parameters<typeof searchPath>[0]) {
    const { ask, stored } = yield* ChatServer
    const before = yield* stored
    const answer = yield* ask("GET", searchPath(query))
    assert.strictEqual(yield* stored, before)
    return answer
  })

  it.effect("answers with messages, newest first, and where to go on", () =>
    Effect.gen(function* () {
      const { alice, bob } = yield* newPair
      const first = yield* send(alice, bob, "Lunch on Sunday?")
      const second = yield* send(bob, alice, "Sunday lunch it is")
      const { delivered_via_websocket: _, ...older } = first
      const { delivered_via_websocket: __, ...newer } = second

      const page = yield* ask({ user_id: alice.id, q: "lunch SUN", limit: 1 })
      assert.deepEqual([page.status, page.json], [200, { messages: [newer], next: newer.id }])
      const rest = yield* ask({ user_id: alice.id, q: "lunch SUN", limit: 1, before_id: newer.id })
      assert.deepEqual([rest.status, rest.json], [200, { messages: [older], next: null }])
    })
  )

  it.effect("is a call of the typed client", () =>
    Effect.gen(function* () {
      const { client } = yield* ChatServer
      const { alice, bob } = yield* newPair
      const { id } = yield* send(alice, bob, "東京 tower")
      const { messages } = yield* client.messages.search({ query: { user_id: bob.id, q: "京 tow" } })
      assert.deepEqual(
        messages.map((message) => message.id),
        [id]
      )
    })
  )

  it.effect("takes a conversation, and refuses one that is none of the user's", () =>
    Effect.gen(function* () {
      const { alice, bob } = yield* newPair
      const { id } = yield* newGroup(alice, [bob])
      const message = yield* sendTo(alice, id, "in the group")
      yield* send(alice, bob, "the group is nice")
      const stranger = yield* newUser
      const inGroup = (user_id: number, conversation_id: number) =>
        ask({ user_id, conversation_id, q: "the group" })

      const { json } = yield* inGroup(bob.id, id)
      assert.deepEqual(
        json.messages.map((each: { readonly id: number }) => each.id),
        [message.id]
      )
      const refused = yield* inGroup(stranger.id, id)
      assert.deepEqual([refused.status, refused.json.type], [403, "urn:minichat:problem:not-member"])
      const nowhere = yield* inGroup(bob.id, 9_000_000_000)
      assert.deepEqual(
        [nowhere.status, nowhere.json.type],
        [404, "urn:minichat:problem:conversation-not-found"]
      )
    })
  )

  describe("finds nothing", () => {
    it.effect.each<readonly [string, string]>([
      ["only punctuation", "?!… —"],
      ["only operators", "& | ! <-> :* ' \\ ( ) \" %_"],
      ["what reads as an operator of SQL", "' OR 1=1 --"],
      ["what reads as a pattern", ".*"],
      ["a tsquery", "'a':* & !'z'"],
      ["a backslash at the end", "nothing\\"],
      ["many words", "word ".repeat(40)],
      ["many letters of a script without spaces", "東".repeat(200)],
      ["combining marks", "\u0301".repeat(200)],
      ["a replacement character", "\ufffd"],
      ["the highest code point", "\u{10ffff}"],
      ["control characters", "\u0001\u001b"]
    ])("%s", ([, q]) =>
      Effect.gen(function* () {
        const { alice, bob } = yield* newPair
        yield* send(alice, bob, "a b c")
        const { status, json } = yield* ask({ user_id: alice.id, q })
        assert.deepEqual([status, json], [200, { messages: [], next: null }])
      })
    )

    it.effect("a user that does not exist, and one beyond the range of ids", () =>
      Effect.gen(function* () {
        for (const user_id of ["2147483647", "9223372036854775808", "9".repeat(99)]) {
          const { status, json } = yield* ask({ user_id, q: "a" })
          assert.deepEqual([status, json], [200, { messages: [], next: null }])
        }
      })
    )
  })

  describe("is a 422", () => {
    it.effect.each<readonly [string, Readonly<Record<string, string>>, string]>([
      ["no text", {}, "q"],
      ["an empty text", { q: "" }, "q"],
      ["only white space", { q: " \t\n\u3000" }, "q"],
      ["201 characters", { q: "x".repeat(201) }, "q"],
      ["1,000 words", { q: "a ".repeat(1000) }, "q"],
      ["10 KB", { q: "x".repeat(10_000) }, "q"],
      ["NUL", { q: "a\u0000b" }, "q"],
      ["a limit of 0", { q: "a", limit: "0" }, "limit"],
      ["a limit of 101", { q: "a", limit: "101" }, "limit"],
      ["a limit in words", { q: "a", limit: "ten" }, "limit"],
      ["a conversation in words", { q: "a", conversation_id: "all" }, "conversation_id"],
      ["conversation 0", { q: "a", conversation_id: "0" }, "conversation_id"],
      ["a negative before_id", { q: "a", before_id: "-1" }, "before_id"],
      ["no user", { q: "a", user_id: "" }, "user_id"]
    ])("%s", ([, query, field]) =>
      Effect.gen(function* () {
        const { status, json } = yield* ask({ user_id: 1, ...query })
        assert.deepEqual([status, json.type], [422, "urn:minichat:problem:validation-failed"])
        for (const { path, message } of json.errors) {
          assert.deepEqual(path, ["query", field])
          assert.isNotEmpty(message)
        }
      })
    )

    it.effect("a text given twice, and no user at all", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        assert.strictEqual((yield* ask("GET", "/messages/search?user_id=1&q=a&q=b")).status, 422)
        const nobody = yield* ask("GET", "/messages/search?q=a")
        assert.strictEqual(nobody.status, 422)
        assert.deepEqual(nobody.json.errors[0].path, ["query", "user_id"])
      })
    )
  })

  it.effect("reads bytes that are not UTF-8, as a lone surrogate's, as no word", () =>
    Effect.gen(function* () {
      const { ask } = yield* ChatServer
      const { alice, bob } = yield* newPair
      yield* send(alice, bob, "a b c")
      for (const bytes of ["%ED%A0%BD", "%FF%FE", "%C0%80"]) {
        const { status, json } = yield* ask("GET", `/messages/search?user_id=${alice.id}&q=${bytes}`)
        assert.deepEqual([status, json], [200, { messages: [], next: null }], bytes)
      }
    })
  )
})
