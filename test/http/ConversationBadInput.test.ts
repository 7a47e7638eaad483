import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { ChatServer, newUsers, send } from "./ChatServer.ts"
import { newGroup, sendTo } from "./Groups.ts"
import { invalid, refused } from "./Refusals.ts"

const STRANGER = 2_147_483_647
const HUGE = ["9223372036854775808", "9".repeat(99)]

const thumbsUp = encodeURIComponent("👍")

const UNSTORABLE = [
  ["NUL", "a\u0000b"],
  ["a lone surrogate", "a\ud83d"]
] as const

layer(ChatServer.layer, { excludeTestServices: true })((it) => {
  const world = Effect.gen(function* () {
    const [alice, bob, carol] = yield* newUsers(3)
    const { id } = yield* newGroup(alice!, [bob!])
    const { id: message } = yield* sendTo(alice!, id, "hello")
    const direct = yield* send(alice!, carol!, "to carol")
    return { alice: alice!, bob: bob!, carol: carol!, group: id, message, direct }
  })

  describe("titles", () => {
    const group = (title: unknown) =>
      Effect.map(newUsers(1), ([alice]) => ({
        json: { user_id: alice!.id, kind: "group", member_ids: [], title }
      }))

    it.effect.each<readonly [string, unknown]>([
      ["nothing", ""],
      ["only spaces", " \u00a0\u2003 "],
      ["201 letters", "x".repeat(201)],
      ["201 emoji", "🐇".repeat(201)],
      ["a line break", "a\nb"],
      ["null", null],
      ["a number", 1],
      ["a list", ["x"]],
      ...UNSTORABLE
    ])("a title that is or has %s is refused", ([, title]) =>
      Effect.gen(function* () {
        yield* invalid(["payload", "title"], "POST", "/conversations/", yield* group(title))
        const { alice, group: id } = yield* world
        yield* invalid(["payload", "title"], "PATCH", `/conversations/${id}`, {
          json: { user_id: alice.id, title }
        })
      })
    )

    it.effect.each([
      ["1 letter", "x"],
      ["200 letters", "x".repeat(200)],
      ["200 emoji", "🐇".repeat(200)],
      ["right to left", "שלום مرحبا \u202Eabc\u202C"],
      ["joined emoji", "👩‍👩‍👧‍👦"],
      ["SQL", "'; DROP TABLE conversations; --"],
      ["HTML", "<script>alert(1)</script>"]
    ] as const)("a title of %s is kept as it is", ([, title]) =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const { status, json } = yield* ask("POST", "/conversations/", yield* group(title))
        assert.deepEqual([status, json.title], [200, title])
      })
    )
  })

  describe("members of a new group", () => {
    it.effect("unknown ids refuse it as a whole, and are named", () =>
      Effect.gen(function* () {
        const { alice, bob } = yield* world
        for (const unknown of [STRANGER, STRANGER + 1, Number.MAX_SAFE_INTEGER]) {
          const json = { user_id: alice.id, kind: "group", title: "x", member_ids: [bob.id, unknown] }
          const problem = yield* refused(404, "members-not-found", "POST", "/conversations/", { json })
          assert.deepEqual(problem.user_ids, [unknown])
          assert.include(problem.detail, String(unknown))
        }
      })
    )

    it.effect("a maker that there is not is a 404", () =>
      refused(404, "user-not-found", "POST", "/conversations/", {
        json: { user_id: STRANGER, kind: "group", title: "x", member_ids: [] }
      })
    )

    it.effect.each<readonly [string, unknown]>([
      ["null", null],
      ["no list", 1],
      ["an object", { 0: 1 }],
      ["a text in it", ["1"]],
      ["0 in it", [0]],
      ["-1 in it", [-1]],
      ["half an id in it", [1.5]],
      ["null in it", [null]],
      ["1001 ids", Array.from({ length: 1001 }, (_, i) => i + 1)]
    ])("a list of members that is or has %s is refused", ([, member_ids]) =>
      Effect.gen(function* () {
        const { alice } = yield* world
        yield* invalid(["payload", "member_ids"], "POST", "/conversations/", {
          json: { user_id: alice.id, kind: "group", title: "x", member_ids }
        })
      })
    )

    it.effect.each<readonly [string, string, unknown]>([
      ["history", "nothing known", "some"],
      ["history", "null", null],
      ["client_id", "nothing", ""],
      ["client_id", "a line break", "a\nb"],
      ["client_id", "201 letters", "x".repeat(201)],
      ["metadata", "a list", []],
      ["metadata", "a text", "x"],
      ["metadata", "2049 bytes", { a: "x".repeat(2041) }],
      ["metadata", "2049 bytes of emoji", { a: "🐇".repeat(511) }],
      [
        "metadata",
        "2064 bytes with all digits of large numbers",
        { a: Array.from({ length: 6 }, () => -1e308).concat(1e198) }
      ],
      [
        "metadata",
        "2056 bytes with all digits of small numbers",
        { a: Array.from({ length: 6 }, () => -1.5e-300).concat(1e-219) }
      ],
      ["metadata", "NUL in a key", { "a\u0000": 1 }],
      ["metadata", "a lone surrogate deep inside", { a: [{ b: "\udc07" }] }]
    ])("%s that is or has %s is refused", ([field, , value]) =>
      Effect.gen(function* () {
        const { alice } = yield* world
        yield* invalid(["payload", field], "POST", "/conversations/", {
          json: { user_id: alice.id, kind: "group", title: "x", member_ids: [], [field]: value }
        })
      })
    )

    it.effect("metadata of 2048 bytes with all digits of its numbers is kept as it was", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const { alice } = yield* world
        const [large, small] = ["1".padEnd(301, "0"), `-0.${"15".padStart(301, "0")}`]
        const written = `{"a":[${large},${small},1e21,0.5,-0.0]}`
        const text = `${written.slice(0, -2)},"${"x".repeat(2048 - 18 - written.length - 4)}"]}`
        const metadata = JSON.parse(text)
        const { status, json } = yield* ask("POST", "/conversations/", {
          json: { user_id: alice.id, kind: "group", title: "x", member_ids: [], metadata }
        })
        assert.strictEqual(status, 200)
        assert.deepEqual(json.metadata.a.slice(0, 3), [1e300, -1.5e-300, 1e21])
      })
    )

    it.effect("metadata of 2048 bytes is kept, whatever its keys are", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const { alice } = yield* world
        const text = `{"__proto__":1,"constructor":null,"":[],"a":"${"x".repeat(2048 - 47)}"}`
        assert.isAtMost(text.length, 2048)
        const body = `{"user_id":${alice.id},"kind":"group","title":"x","member_ids":[],"metadata":${text}}`
        const headers = { "content-type": "application/json" }
        const { status, json } = yield* ask("POST", "/conversations/", { headers, body })
        assert.strictEqual(status, 200)
        assert.lengthOf(json.metadata.a, 2048 - 47)
      })
    )
  })

  it.effect.each<readonly [string, object, ReadonlyArray<string>]>([
    ["an unknown kind", { kind: "channel" }, ["payload"]],
    ["no kind", {}, ["payload"]],
    ["no other user", { kind: "direct" }, ["payload", "with"]],
    ["a text as the other user", { kind: "direct", with: "1" }, ["payload", "with"]]
  ])("a conversation with %s is refused", ([, fields, field]) =>
    Effect.gen(function* () {
      const { alice } = yield* world
      yield* invalid(field, "POST", "/conversations/", { json: { user_id: alice.id, ...fields } })
    })
  )

  it.effect("a direct conversation with oneself is refused, with a stranger not found", () =>
    Effect.gen(function* () {
      const { alice } = yield* world
      const direct = (other: number) => ({ json: { user_id: alice.id, kind: "direct", with: other } })
      yield* invalid(["payload", "with"], "POST", "/conversations/", direct(alice.id))
      yield* refused(404, "members-not-found", "POST", "/conversations/", direct(STRANGER))
    })
  )

  describe("ids in paths", () => {
    const PATHS: ReadonlyArray<readonly [string, string, (id: string) => string, object?]> = [
      ["GET", "conversation_id", (id) => `/conversations/${id}?user_id=1`],
      ["PATCH", "conversation_id", (id) => `/conversations/${id}`, { user_id: 1, title: "x" }],
      ["GET", "conversation_id", (id) => `/conversations/${id}/members?user_id=1`],
      ["PUT", "conversation_id", (id) => `/conversations/${id}/members/1`, { user_id: 1 }],
      ["DELETE", "conversation_id", (id) => `/conversations/${id}/members/1?user_id=1`],
      ["POST", "conversation_id", (id) => `/conversations/${id}/read`, { user_id: 1, message_id: 1 }],
      ["GET", "message_id", (id) => `/messages/${id}?user_id=1`],
      ["PATCH", "message_id", (id) => `/messages/${id}`, { user_id: 1, content: "x" }],
      ["DELETE", "message_id", (id) => `/messages/${id}?user_id=1`],
      ["PUT", "message_id", (id) => `/messages/${id}/reactions/${thumbsUp}?user_id=1`],
      ["DELETE", "message_id", (id) => `/messages/${id}/reactions/${thumbsUp}?user_id=1`]
    ]

    it.effect.each(PATHS)("%s refuses a %s that is none", ([method, name, path, json]) =>
      Effect.forEach(
        ["0", "-1", "01", "1.5", "1e3", "abc", "recent", "%00", "%20", "1%0A", "%D9%A1", "%F0%9F%90%87"],
        (id) => invalid(["params", name], method, path(id), json && { json }),
        { discard: true }
      )
    )

    it.effect.each(PATHS)("%s finds nothing at a %s that nothing has", ([method, name, path, json]) =>
      Effect.gen(function* () {
        const { alice } = yield* world
        const type = name === "message_id" ? "message-not-found" : "conversation-not-found"
        const at = (id: string) => path(id).replace("user_id=1", `user_id=${alice.id}`)
        const body = json && { json: { ...json, user_id: alice.id } }
        for (const id of [String(STRANGER), ...HUGE]) yield* refused(404, type, method, at(id), body)
      })
    )

    it.effect("a member's id that nobody has is a 404 to add, and nothing to remove", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const { alice, group } = yield* world
        for (const id of [String(STRANGER), ...HUGE]) {
          const path = `/conversations/${group}/members/${id}`
          yield* refused(404, "members-not-found", "PUT", path, { json: { user_id: alice.id } })
          assert.strictEqual((yield* ask("DELETE", `${path}?user_id=${alice.id}`)).status, 204)
        }
      })
    )

    it.effect("a user who acts and does not exist is no member", () =>
      Effect.gen(function* () {
        const { group, message } = yield* world
        for (const id of [STRANGER, Number.MAX_SAFE_INTEGER]) {
          yield* refused(403, "not-member", "GET", `/conversations/${group}?user_id=${id}`)
          yield* refused(403, "not-member", "GET", `/messages/${message}?user_id=${id}`)
          yield* refused(404, "user-not-found", "GET", `/conversations/?user_id=${id}`)
        }
      })
    )
  })

  it.effect.each<readonly [string, string, string]>([
    ["/conversations/?user_id=1&", "limit", "0"],
    ["/conversations/?user_id=1&", "limit", "101"],
    ["/conversations/?user_id=1&", "before", "0"],
    ["/conversations/?user_id=1&", "before", "x"],
    ["/conversations/1/members?user_id=1&", "limit", "1001"],
    ["/conversations/1/members?user_id=1&", "after", "-1"],
    ["/messages/?user_id=1&", "conversation_id", "0"],
    ["/messages/?user_id=1&conversation_id=1&", "after_id", "x"],
    ["/messages/?user_id=1&", "after_id", "1"],
    ["/messages/?user_id=1&conversation_id=1&", "chat_with", "2"],
    ["/messages/?user_id=1&conversation_id=1&before_id=2&", "after_id", "1"]
  ])("%s%s=%s is refused", ([path, name, value]) =>
    invalid(["query", name], "GET", `${path}${name}=${value}`)
  )

  describe("roles", () => {
    it.effect.each<readonly [string, unknown]>([
      ["an unknown one", "boss"],
      ["null", null],
      ["of another case", "Owner"]
    ])("a role that is %s is refused", ([, role]) =>
      Effect.gen(function* () {
        const { alice, bob, group } = yield* world
        yield* invalid(["payload", "role"], "PUT", `/conversations/${group}/members/${bob.id}`, {
          json: { user_id: alice.id, role }
        })
      })
    )
  })

  describe("sends", () => {
    it.effect("a conversation that there is not is a 404, both addressees or none a 422", () =>
      Effect.gen(function* () {
        const { alice, bob, group } = yield* world
        const draft = (fields: object) => ({ json: { sender_id: alice.id, content: "x", ...fields } })
        for (const id of [STRANGER, Number.MAX_SAFE_INTEGER])
          yield* refused(404, "conversation-not-found", "POST", "/messages/", draft({ conversation_id: id }))
        const neither = yield* invalid(["payload", "receiver_id"], "POST", "/messages/", draft({}))
        assert.deepEqual(neither, ["must be given, or conversation_id in its place"])
        const both = draft({ conversation_id: group, receiver_id: bob.id })
        const tooMany = yield* invalid(["payload", "receiver_id"], "POST", "/messages/", both)
        assert.deepEqual(tooMany, ["must not be given together with conversation_id"])
        for (const bad of [0, "1", 1.5])
          yield* invalid(
            ["payload", "conversation_id"],
            "POST",
            "/messages/",
            draft({ conversation_id: bad })
          )
      })
    )

    it.effect("a reply to a message of another conversation, a deleted one or none is a 404", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const { alice, bob, group, message, direct } = yield* world
        const deleted = yield* sendTo(bob, group, "gone")
        yield* ask("DELETE", `/messages/${deleted.id}?user_id=${bob.id}`)
        const toGroup = { conversation_id: group }
        for (const [to, quoted] of [
          [toGroup, direct.id],
          [toGroup, deleted.id],
          [toGroup, STRANGER],
          [toGroup, Number.MAX_SAFE_INTEGER],
          [{ receiver_id: bob.id }, message],
          [{ receiver_id: bob.id }, direct.id]
        ] as const) {
          yield* refused(404, "quote-not-found", "POST", "/messages/", {
            json: { sender_id: alice.id, content: "x", reply_to_id: quoted, ...to }
          })
        }
        for (const bad of [0, -1, "1", 1.5]) {
          yield* invalid(["payload", "reply_to_id"], "POST", "/messages/", {
            json: { sender_id: alice.id, content: "x", reply_to_id: bad, ...toGroup }
          })
        }
      })
    )
  })

  describe("edits", () => {
    it.effect.each<readonly [string, string, unknown]>([
      ["content", "nothing", ""],
      ["content", "only spaces", "  \n"],
      ["content", "1001 letters", "x".repeat(1001)],
      ["content", "null", null],
      ["content", UNSTORABLE[0][0], UNSTORABLE[0][1]],
      ["content", UNSTORABLE[1][0], UNSTORABLE[1][1]],
      ["version", "0", 0],
      ["version", "a text", "1"],
      ["version", "half a version", 1.5],
      ["metadata", "a list", []],
      ["metadata", "2049 bytes", { a: "x".repeat(2041) }]
    ])("an edit with a %s of %s is refused", ([field, , value]) =>
      Effect.gen(function* () {
        const { alice, message } = yield* world
        yield* invalid(["payload", field], "PATCH", `/messages/${message}`, {
          json: { user_id: alice.id, content: "x", [field]: value }
        })
      })
    )

    it.effect("a deleted message can be neither edited nor reacted to", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const { alice, bob, message } = yield* world
        yield* ask("DELETE", `/messages/${message}?user_id=${alice.id}`)
        yield* refused(409, "message-deleted", "PATCH", `/messages/${message}`, {
          json: { user_id: alice.id, content: "x" }
        })
        yield* refused(
          409,
          "message-deleted",
          "PUT",
          `/messages/${message}/reactions/${thumbsUp}?user_id=${bob.id}`
        )
      })
    )

    it.effect("a version that the message will never have is a conflict that names the one it has", () =>
      Effect.gen(function* () {
        const { alice, message } = yield* world
        for (const version of [2, STRANGER, Number.MAX_SAFE_INTEGER]) {
          const problem = yield* refused(409, "version-conflict", "PATCH", `/messages/${message}`, {
            json: { user_id: alice.id, content: "x", version }
          })
          assert.strictEqual(problem.version, 1)
        }
      })
    )
  })

  describe("reactions", () => {
    it.effect.each([
      ["text", "a"],
      ["a digit", "1"],
      ["two emoji", "👍👍"],
      ["an emoji and a space", "👍 "],
      ["a lone modifier", "🏿"],
      ["a lone regional indicator", "🇩"],
      ["a lone joiner", "\u200d"],
      ["a lone variation selector", "\ufe0f"],
      ["NUL", "\u0000"],
      ["a heart that asks to be text", "❤\ufe0e"],
      ["many joined emoji", Array(9).fill("👩").join("\u200d")],
      ["no flag of tags", "🏴\u{E0078}\u{E007F}"]
    ] as const)("a reaction that is %s is refused", ([, emoji]) =>
      Effect.gen(function* () {
        const { bob, message } = yield* world
        for (const method of ["PUT", "DELETE"]) {
          yield* invalid(
            ["params", "emoji"],
            method,
            `/messages/${message}/reactions/${encodeURIComponent(emoji)}?user_id=${bob.id}`
          )
        }
      })
    )

    it.effect.each([
      ["a thumb with a skin tone", "👍🏽", "👍🏽"],
      ["a family", "👨‍👩‍👧‍👦", "👨‍👩‍👧‍👦"],
      ["a couple with skin tones", "👩🏿‍❤️‍💋‍👩🏿", "👩🏿‍❤️‍💋‍👩🏿"],
      ["a keycap", "#️⃣", "#️⃣"],
      ["a flag", "🇩🇪", "🇩🇪"],
      ["a flag of tags", "🏴\u{E0067}\u{E0062}\u{E0073}\u{E0063}\u{E0074}\u{E007F}", undefined],
      ["a heart without its selector", "❤", "❤\ufe0f"],
      ["a heart on fire without its selector", "❤\u200d🔥", "❤\ufe0f\u200d🔥"],
      ["a keycap without its selector", "#\u20e3", "#\ufe0f\u20e3"],
      ["an eye in a bubble with one of its selectors", "👁\ufe0f\u200d🗨", "👁\ufe0f\u200d🗨\ufe0f"],
      ["a detective with a skin tone, without a selector", "🕵🏻\u200d♂", "🕵🏻\u200d♂\ufe0f"]
    ] as const)("a reaction that is %s is one emoji", ([, emoji, kept = emoji]) =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const { bob, message } = yield* world
        const path = `/messages/${message}/reactions/${encodeURIComponent(emoji)}?user_id=${bob.id}`
        const { status, json } = yield* ask("PUT", path)
        assert.deepEqual([status, json.reactions], [200, [{ emoji: kept, count: 1, mine: true }]])
        assert.notProperty((yield* ask("DELETE", path)).json, "reactions")
      })
    )

    it.effect("a 21st kind is refused, and another of the 20 is not", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const { alice, bob, message } = yield* world
        const react = (user: number, i: number) =>
          `/messages/${message}/reactions/${encodeURIComponent(String.fromCodePoint(0x1f600 + i))}?user_id=${user}`
        for (let i = 0; i < 20; i++) assert.strictEqual((yield* ask("PUT", react(bob.id, i))).status, 200)
        yield* refused(409, "too-many-reactions", "PUT", react(bob.id, 20))
        const { status, json } = yield* ask("PUT", react(alice.id, 0))
        assert.strictEqual(status, 200)
        assert.strictEqual(json.reactions[0].count, 2)
      })
    )
  })

  it.effect("what is read must be a message of the conversation that there is", () =>
    Effect.gen(function* () {
      const { alice, group, direct } = yield* world
      const path = `/conversations/${group}/read`
      const mark = (message_id: unknown) => ({ json: { user_id: alice.id, message_id } })
      for (const id of [direct.id, direct.id + 1000, STRANGER, Number.MAX_SAFE_INTEGER])
        yield* refused(404, "message-not-found", "POST", path, mark(id))
      for (const bad of [0, -1, 1.5, "1", null])
        yield* invalid(["payload", "message_id"], "POST", path, mark(bad))
    })
  )
})
