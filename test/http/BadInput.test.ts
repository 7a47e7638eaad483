import { gzipSync } from "node:zlib"
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { type Answer, type Ask, ChatServer, newPair, newUser, newUsername } from "./ChatServer.ts"

type Path = ReadonlyArray<string>

/** Asks for something that must be refused, and asserts that nothing was written. */
const refused = Effect.fnUntraced(function* (method: string, path: string, options?: Ask) {
  const { ask, stored } = yield* ChatServer
  const before = yield* stored
  const answer = yield* ask(method, path, options)
  assert.strictEqual(yield* stored, before)
  return answer
})

const assertProblem = ({ status, headers, json }: Answer, expected: number, type: string, title: string) => {
  assert.strictEqual(status, expected)
  assert.strictEqual(headers.get("content-type"), "application/problem+json")
  assert.deepInclude(json, { type: `urn:minichat:problem:${type}`, title, status: expected })
  assert.isString(json.detail)
  assert.isNotEmpty(json.detail)
}

/** A 422 that names these fields and no other. */
const assertInvalid = (answer: Answer, paths: ReadonlyArray<Path>) => {
  assertProblem(answer, 422, "validation-failed", "Unprocessable Content")
  const errors: ReadonlyArray<{ readonly path: Path; readonly message: string }> = answer.json.errors
  assert.sameMembers(
    [...new Set(errors.map(({ path }) => path.join(".")))],
    paths.map((path) => path.join("."))
  )
  for (const { path, message } of errors) {
    assert.isNotEmpty(message)
    assert.include(answer.json.detail, message)
    if (path.length > 1) assert.include(answer.json.detail, path.slice(1).join("."))
  }
}

/** Asks for each of a table's paths, and asserts that all are refused in the same way and nothing was written. */
const allInvalid = (table: ReadonlyArray<readonly [name: string, path: string]>, at: Path) =>
  Effect.gen(function* () {
    const { ask, stored } = yield* ChatServer
    const before = yield* stored
    const answers = yield* Effect.forEach(table, ([, path]) => ask("GET", path), { concurrency: 8 })
    assert.deepEqual(
      answers.map(({ status }, i) => [table[i]![0], status]),
      table.map(([name]) => [name, 422])
    )
    for (const answer of answers) assertInvalid(answer, [at])
    assert.strictEqual(yield* stored, before)
  })

const NOT_TEXT = [
  ["null", null],
  ["a number", 12345],
  ["a boolean", true],
  ["a list", ["alice"]],
  ["an object", { value: "alice" }]
] as const

const NOT_STORABLE = [
  ["NUL in it", "ab\u0000cd"],
  ["a lone high surrogate", "abc\ud83d"],
  ["a lone low surrogate", "\udc07abc"]
] as const

const INJECTION = [
  ["SQL", "'; DROP TABLE users; --"],
  ["HTML", "<script>alert(1)</script>"]
] as const

layer(ChatServer.layer, { excludeTestServices: true })((it) => {
  describe("bad users", () => {
    it.effect.each<readonly [string, unknown]>([
      ...NOT_TEXT,
      ...NOT_STORABLE,
      ...INJECTION,
      ["empty", ""],
      ["2 letters", "ab"],
      ["2 emoji long", "🐇🐇"],
      ["51 letters", "x".repeat(51)],
      ["51 letters beyond the BMP", "𝒶".repeat(51)],
      ["a space inside", "al ice"],
      ["spaces around it", " alice "],
      ["a hyphen", "al-ice"],
      ["an underscore", "al_ice"],
      ["a dot", "al.ice"],
      ["an emoji", "alice🐇"],
      ["a line break at its end", "alice\n"],
      ["an invisible character", "ali\u200bce"],
      ["an override of its direction", "ali\u202ece"],
      ["a combining mark before any letter", "\u0301aline"]
    ])("a username that is or has %s is refused", ([, username]) =>
      Effect.gen(function* () {
        assertInvalid(yield* refused("POST", "/users/", { json: { username } }), [["payload", "username"]])
      })
    )

    it.effect.each([
      ["3 letters", (unique: string) => unique.slice(0, 3)],
      ["50 letters", (unique: string) => unique.padEnd(50, "x")],
      ["50 letters beyond the BMP", (unique: string) => unique + "𝒶".repeat(50 - unique.length)],
      ["Arabic", (unique: string) => `أليس${unique}`],
      ["Japanese", (unique: string) => `アリス${unique}`],
      ["digits of any script", (unique: string) => `١٢٣４５６${unique}`]
    ] as const)("a username of %s is taken, and kept as it is", ([, make]) =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const username = make(newUsername())
        const { status, json } = yield* ask("POST", "/users/", { json: { username } })
        assert.deepEqual([status, json.username], [200, username])
      })
    )

    it.effect.each<readonly [string, unknown]>([
      ...NOT_TEXT.filter(([name]) => name !== "null"),
      ...NOT_STORABLE,
      ["101 letters", "x".repeat(101)],
      ["101 emoji", "🐇".repeat(101)]
    ])("a display name that is or has %s is refused", ([, display_name]) =>
      Effect.gen(function* () {
        const json = { username: newUsername(), display_name }
        assertInvalid(yield* refused("POST", "/users/", { json }), [["payload", "display_name"]])
      })
    )

    it.effect("every bad field is named", () =>
      Effect.gen(function* () {
        const answer = yield* refused("POST", "/users/", { json: { username: "a", display_name: 1 } })
        assertInvalid(answer, [
          ["payload", "username"],
          ["payload", "display_name"]
        ])
      })
    )

    it.effect("a missing username is named", () =>
      Effect.gen(function* () {
        assertInvalid(yield* refused("POST", "/users/", { json: {} }), [["payload", "username"]])
      })
    )

    it.effect("unknown fields are ignored", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const username = newUsername()
        const { status, json } = yield* ask("POST", "/users/", {
          json: { username, id: 7, is_admin: true, created_at: "1970-01-01T00:00:00.000Z", constructor: {} }
        })
        assert.strictEqual(status, 200)
        assert.deepInclude(json, { username, display_name: username })
        assert.notProperty(json, "is_admin")
        assert.notStrictEqual(json.created_at, "1970-01-01T00:00:00.000Z")
      })
    )
  })

  describe("bad messages", () => {
    /** A body in which everything is right, with one field as JSON text. */
    const bodyWith = (field: string, text: string) =>
      Effect.map(newPair, ({ alice, bob }) => {
        const body: Record<string, string> = {
          sender_id: String(alice.id),
          receiver_id: String(bob.id),
          content: '"hello"',
          [field]: text
        }
        const members = Object.entries(body).map(([name, value]) => `${JSON.stringify(name)}:${value}`)
        return { headers: { "content-type": "application/json" }, body: `{${members.join(",")}}` }
      })

    const BAD_IDS = [
      "null",
      '"1"',
      "0",
      "-1",
      "1.5",
      "1e400",
      "-0",
      "true",
      "[1]",
      "{}",
      '"abc"',
      '"\'; DROP TABLE users; --"'
    ]

    it.effect.each(
      ["sender_id", "receiver_id"].flatMap((field) => BAD_IDS.map((text) => [field, text] as const))
    )("%s %s is refused", ([field, text]) =>
      Effect.gen(function* () {
        assertInvalid(yield* refused("POST", "/messages/", yield* bodyWith(field, text)), [
          ["payload", field]
        ])
      })
    )

    it.effect.each<readonly [string, unknown]>([
      ...NOT_TEXT,
      ...NOT_STORABLE,
      ["nothing", ""],
      ["spaces only", "   "],
      ["white space of other kinds only", "\u00a0\u2003\n\t\ufeff"],
      ["1001 letters", "x".repeat(1001)],
      ["1001 emoji", "🐇".repeat(1001)]
    ])("content that is or has %s is refused", ([, content]) =>
      Effect.gen(function* () {
        const options = yield* bodyWith("content", JSON.stringify(content))
        assertInvalid(yield* refused("POST", "/messages/", options), [["payload", "content"]])
      })
    )

    it.effect.each<readonly [string, unknown]>([
      ...NOT_TEXT.filter(([name]) => name !== "null"),
      ...NOT_STORABLE,
      ["nothing", ""],
      ["201 letters", "x".repeat(201)],
      ["a line break", "c\n1"],
      ["an escape character", "c\u001b1"]
    ])("a client_id that is or has %s is refused", ([, clientId]) =>
      Effect.gen(function* () {
        const options = yield* bodyWith("client_id", JSON.stringify(clientId))
        assertInvalid(yield* refused("POST", "/messages/", options), [["payload", "client_id"]])
      })
    )

    it.effect.each<readonly [string, string]>([
      ...INJECTION,
      ["200 letters", "x".repeat(200)],
      ["200 emoji", "🐇".repeat(200)],
      ["Arabic", "مرحبا"]
    ])("a client_id of %s is taken, and kept as it is", ([, client_id]) =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const { alice, bob } = yield* newPair
        const json = { sender_id: alice.id, receiver_id: bob.id, content: "hello", client_id }
        assert.strictEqual((yield* ask("POST", "/messages/", { json })).status, 200)
        const { json: page } = yield* ask("GET", `/users/${alice.id}/events?since=0`)
        assert.strictEqual(page.events[0].client_id, client_id)
      })
    )

    it.effect("every missing field is named", () =>
      Effect.gen(function* () {
        assertInvalid(yield* refused("POST", "/messages/", { json: {} }), [
          ["payload", "sender_id"],
          ["payload", "receiver_id"],
          ["payload", "content"]
        ])
      })
    )

    it.effect("a message to oneself is refused", () =>
      Effect.gen(function* () {
        const { id } = yield* newUser
        const json = { sender_id: id, receiver_id: id, content: "hello" }
        assertInvalid(yield* refused("POST", "/messages/", { json }), [["payload", "receiver_id"]])
      })
    )

    it.effect("1e3 in a body is the integer 1000", () =>
      Effect.gen(function* () {
        const options = yield* bodyWith("sender_id", "1e3")
        const answer = yield* refused("POST", "/messages/", options)
        assertProblem(answer, 404, "sender-not-found", "Not Found")
      })
    )

    it.effect.each(["2147483648", "9223372036854775808", "1e300"])("a sender %s is not found", (id) =>
      Effect.gen(function* () {
        const answer = yield* refused("POST", "/messages/", yield* bodyWith("sender_id", id))
        assertProblem(answer, 404, "sender-not-found", "Not Found")
        assert.strictEqual(answer.json.detail, "Sender not found")
      })
    )
  })

  describe("bad bodies", () => {
    const json = { "content-type": "application/json" }

    const MALFORMED: ReadonlyArray<readonly [string, string | Uint8Array<ArrayBuffer>]> = [
      ["empty", ""],
      ["white space", "  \n"],
      ["cut off", '{"username":"ali'],
      ["no JSON", "username=alice"],
      ["JavaScript", "{username:'alice'}"],
      ["NaN", '{"username":NaN}'],
      ["two documents", '{"username":"alice"}{"username":"bobby"}'],
      ["a bad escape", '{"username":"\\x41lice"}'],
      ["a raw control character", '{"username":"ali\nce"}'],
      ["binary", new Uint8Array([0, 159, 146, 150, 255])],
      ["deep and cut off", "[".repeat(30_000)]
    ]

    it.effect.each(
      ["/users/", "/messages/"].flatMap((path) =>
        MALFORMED.map(([name, body]) => [path, name, body] as const)
      )
    )("POST %s with a body that is %s is refused", ([path, , body]) =>
      Effect.gen(function* () {
        assertInvalid(yield* refused("POST", path, { headers: json, body }), [["payload"]])
      })
    )

    it.effect.each([
      "null",
      "true",
      "1",
      '"alice"',
      "[]",
      '[{"username":"alice"}]',
      `${"[".repeat(30_000)}${"]".repeat(30_000)}`
    ])("JSON that is no object is refused", (body) =>
      Effect.gen(function* () {
        for (const path of ["/users/", "/messages/"]) {
          assertInvalid(yield* refused("POST", path, { headers: json, body }), [["payload"]])
        }
      })
    )

    it.effect("bytes that are no UTF-8 are refused", () =>
      Effect.gen(function* () {
        const body = Buffer.concat([
          Buffer.from(`{"username":"${newUsername()}","display_name":"`),
          Buffer.from([0xff, 0xfe]),
          Buffer.from('"}')
        ])
        const answer = yield* refused("POST", "/users/", { headers: json, body: new Uint8Array(body) })
        assertInvalid(answer, [["payload"]])
      })
    )

    it.effect("an unknown field is ignored however deep it goes", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const body = `{"username":"${newUsername()}","extra":${"[".repeat(30_000)}${"]".repeat(30_000)}}`
        assert.strictEqual((yield* ask("POST", "/users/", { headers: json, body })).status, 200)
      })
    )

    it.effect("a member named __proto__ is a field like any other", () =>
      Effect.gen(function* () {
        const body = '{"__proto__":{"username":"alice"}}'
        assertInvalid(yield* refused("POST", "/users/", { headers: json, body }), [["payload", "username"]])
      })
    )

    it.effect.each([
      "text/plain",
      "application/x-www-form-urlencoded",
      "multipart/form-data; boundary=x",
      "application/xml",
      "application/octet-stream",
      "application/json5"
    ])("a body of type %s is refused", (type) =>
      Effect.gen(function* () {
        for (const path of ["/users/", "/messages/"]) {
          const body = JSON.stringify({ username: newUsername() })
          const answer = yield* refused("POST", path, { headers: { "content-type": type }, body })
          assertProblem(answer, 415, "unsupported-media-type", "Unsupported Media Type")
        }
      })
    )

    it.effect.each(["gzip", "br", "Deflate"])(
      "a body with content-encoding %s is refused with 415, which says why",
      (coding) =>
        Effect.gen(function* () {
          const headers = { "content-type": "application/json", "content-encoding": coding }
          const body = gzipSync(JSON.stringify({ username: newUsername() }))
          const answer = yield* refused("POST", "/users/", { headers, body })
          assertProblem(answer, 415, "unsupported-media-type", "Unsupported Media Type")
          assert.include(answer.json.detail, `content-encoding ${coding}`)
        })
    )

    it.effect.each(["application/json", "application/json; charset=utf-8", "Application/JSON"])(
      "a body of type %s is taken",
      (type) =>
        Effect.gen(function* () {
          const { ask } = yield* ChatServer
          const body = JSON.stringify({ username: newUsername() })
          const { status } = yield* ask("POST", "/users/", { headers: { "content-type": type }, body })
          assert.strictEqual(status, 200)
        })
    )

    /** A body of so many bytes that is valid. */
    const bodyOf = (bytes: number) => {
      const start = `{"username":"${newUsername()}","extra":"`
      return `${start}${"x".repeat(bytes - start.length - 2)}"}`
    }

    it.effect("a body of 64 KiB is taken, and one byte more is refused", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        assert.strictEqual(
          (yield* ask("POST", "/users/", { headers: json, body: bodyOf(65_536) })).status,
          200
        )
        const answer = yield* refused("POST", "/users/", { headers: json, body: bodyOf(65_537) })
        assertProblem(answer, 413, "content-too-large", "Content Too Large")
        assert.strictEqual(answer.json.detail, "The body is larger than 65536 bytes")
      })
    )

    it.effect("a body of 10 MB is refused, and the server goes on", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        for (const path of ["/users/", "/messages/"]) {
          const answer = yield* refused("POST", path, { headers: json, body: bodyOf(10_000_000) })
          assertProblem(answer, 413, "content-too-large", "Content Too Large")
        }
        assert.strictEqual((yield* ask("POST", "/users/", { headers: json, body: bodyOf(100) })).status, 200)
      })
    )

    it.effect(
      "a body that comes in chunks and never says its length is refused when it grows too large",
      () =>
        Effect.gen(function* () {
          const { server, stored } = yield* ChatServer
          const before = yield* stored
          const response = yield* Effect.promise((signal) =>
            fetch(`${server.url}/users/`, {
              method: "POST",
              headers: json,
              body: new Blob([bodyOf(1_000_000)]).stream(),
              duplex: "half",
              signal
            })
          )
          assert.strictEqual(response.status, 413)
          assert.strictEqual(yield* stored, before)
        })
    )
  })

  describe("bad paths and queries", () => {
    const BAD_IDS: ReadonlyArray<readonly [string, string]> = [
      ["0", "0"],
      ["-1", "-1"],
      ["+1", "%2B1"],
      ["01", "01"],
      ["1.5", "1.5"],
      ["1.0", "1.0"],
      ["1e3", "1e3"],
      ["0x1", "0x1"],
      ["abc", "abc"],
      ["null", "null"],
      ["NaN", "NaN"],
      ["a space", "%20"],
      ["1 and a space", "1%20"],
      ["1 and a line break", "1%0A"],
      ["an emoji", "%F0%9F%90%87"],
      ["Arabic digits", "%D9%A1"],
      ["full-width digits", "%EF%BC%91"],
      ["right-to-left text", "%D7%A9%D7%9C%D7%95%D7%9D"],
      ["NUL", "%00"],
      ["1 and NUL", "1%00"],
      ["SQL", "1%20OR%201%3D1"],
      ["HTML", "%3Cscript%3E"],
      ["a slash", "%2F"],
      ["two dots", "%2e%2e%2f1"],
      ["two ids", "1,2"]
    ]

    const BY_ID: ReadonlyArray<readonly [string, (id: string) => string]> = [
      ["GET /users/:id", (id) => `/users/${id}`],
      ["GET /users/:id/presence", (id) => `/users/${id}/presence`],
      ["GET /users/:id/events", (id) => `/users/${id}/events?since=0`],
      ["GET /messages/recent/:id", (id) => `/messages/recent/${id}`]
    ]

    it.effect.each(BY_ID)("%s refuses what is no id", ([, path]) =>
      allInvalid(
        BAD_IDS.map(([name, id]) => [name, path(id)]),
        ["params", "user_id"]
      )
    )

    it.effect.each(BY_ID.slice(0, 3))("%s finds nobody at an id that nobody has", ([, path]) =>
      Effect.gen(function* () {
        for (const id of ["2147483647", "2147483648", "9223372036854775808", "9".repeat(99)]) {
          const answer = yield* refused("GET", path(id))
          assertProblem(answer, 404, "user-not-found", "Not Found")
          assert.strictEqual(answer.json.detail, "User not found")
        }
      })
    )

    it.effect.each(BY_ID)("%s has nothing at an id of 10,000 digits", ([, path]) =>
      Effect.gen(function* () {
        assertProblem(yield* refused("GET", path("9".repeat(10_000))), 404, "not-found", "Not Found")
      })
    )

    it.effect.each(["user_id", "chat_with", "before_id"])("a history's %s refuses what is no id", (name) =>
      allInvalid(
        [...BAD_IDS, ["nothing", ""] as const].map(([what, value]) => [
          what,
          name === "user_id" ? `/messages/?user_id=${value}` : `/messages/?user_id=1&${name}=${value}`
        ]),
        ["query", name]
      )
    )

    it.effect("a history without a user_id is refused", () =>
      Effect.gen(function* () {
        for (const path of ["/messages/", "/messages?chat_with=1"]) {
          assertInvalid(yield* refused("GET", path), [["query", "user_id"]])
        }
      })
    )

    const NO_NUMBERS = [
      "",
      "-1",
      "%2B1",
      "1.5",
      "1e3",
      "1e9",
      "0x10",
      "abc",
      "%20",
      "1%0A",
      "%EF%BC%91",
      "%00"
    ]

    const BOUNDED: ReadonlyArray<readonly [path: string, name: string, values: ReadonlyArray<string>]> = [
      ["/users/?", "skip", [...NO_NUMBERS, "2147483648", "9".repeat(400)]],
      ["/users/?", "limit", [...NO_NUMBERS, "0", "1001", "1000000000", "9".repeat(400)]],
      ["/messages/?user_id=1&", "skip", [...NO_NUMBERS, "2147483648", "9".repeat(400)]],
      ["/messages/?user_id=1&", "limit", [...NO_NUMBERS, "0", "1001", "1000000000", "9".repeat(400)]],
      ["/users/1/events?since=0&", "limit", [...NO_NUMBERS, "0", "1001", "9".repeat(400)]],
      ["/users/1/events?since=0&", "wait", [...NO_NUMBERS, "31", "9".repeat(400)]],
      ["/users/1/events?", "since", NO_NUMBERS]
    ]

    it.effect.each(BOUNDED)("%s%s refuses what is no number within its bounds", ([path, name, values]) =>
      allInvalid(
        values.map((value) => [value, `${path}${name}=${value}`]),
        ["query", name]
      )
    )

    it.effect("events without a since are refused", () =>
      Effect.gen(function* () {
        assertInvalid(yield* refused("GET", "/users/1/events"), [["query", "since"]])
      })
    )

    it.effect("every bad value of a request is named", () =>
      Effect.gen(function* () {
        assertInvalid(yield* refused("GET", "/messages/?user_id=0&chat_with=x&skip=-1&limit=0&before_id=x"), [
          ["query", "user_id"],
          ["query", "chat_with"],
          ["query", "skip"],
          ["query", "limit"],
          ["query", "before_id"]
        ])
      })
    )

    it.effect.each([
      ["/messages/?user_id=1&user_id=2", "user_id"],
      ["/messages/?user_id=1&chat_with=2&chat_with=2", "chat_with"],
      ["/users/?limit=1&limit=2", "limit"],
      ["/users/?skip=0&skip=0", "skip"],
      ["/users/1/events?since=0&since=1", "since"]
    ] as const)("%s, which gives %s twice, is refused", ([path, name]) =>
      Effect.gen(function* () {
        assertInvalid(yield* refused("GET", path), [["query", name]])
      })
    )

    it.effect.each([
      "/users/?unknown=1",
      "/users/?limit[]=0",
      "/users/?&&=&",
      "/users/?Limit=0",
      "/users/?__proto__=1"
    ])("parameters that nothing knows are ignored: %s", (path) =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        assert.strictEqual((yield* ask("GET", path)).status, 200)
      })
    )

    it.effect.each([
      "/users/%E0%A4%A",
      "/users/%",
      "/users/1/%FF",
      "/messages/?user_id=%E0%A4%A",
      "/users/?limit=%"
    ])("percent signs that encode nothing are the caller's fault: %s", (path) =>
      Effect.gen(function* () {
        const { status, headers } = yield* refused("GET", path)
        assert.include([404, 422], status)
        assert.strictEqual(headers.get("content-type"), "application/problem+json")
      })
    )
  })
})
