import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { newUsername } from "../repo/Repos.ts"
import { ChatServer } from "./ChatServer.ts"

const externalPath = (id: string) => `/users/by-external-id/${encodeURIComponent(id)}`

const URL = "https://example.com/a.png"

layer(ChatServer.layer, { excludeTestServices: true, timeout: "60 seconds" })("people", (it) => {
  it.effect("an external id is any text, percent-encoded in the path", () =>
    Effect.gen(function* () {
      const { ask } = yield* ChatServer
      for (const id of [
        "auth0|64f1",
        "9b2d7f0e-3f43",
        "a@example.com",
        "https://x.y/z?q#f",
        "a/b",
        "a%2Fb",
        "日本 ‍👩",
        "+"
      ]) {
        const made = yield* ask("PUT", externalPath(id), { json: {} })
        assert.strictEqual(made.status, 200, made.text)
        assert.strictEqual(made.json.external_id, id)
        assert.deepEqual((yield* ask("GET", externalPath(id))).json, made.json)
        assert.deepEqual((yield* ask("PUT", externalPath(id), { json: {} })).json, made.json)
      }
      assert.strictEqual((yield* ask("GET", externalPath("nobody"))).status, 404)
    })
  )

  it.effect("a profile is changed, and what is wrong with a change is said by its field", () =>
    Effect.gen(function* () {
      const { ask, stored } = yield* ChatServer
      const { json: made } = yield* ask("POST", "/users/", { json: { username: newUsername() } })
      assert.deepEqual(Object.keys(made), ["id", "username", "display_name", "created_at"])

      const whole = { display_name: "Alice", avatar_url: URL, metadata: { a: [1] } }
      const changed = yield* ask("PATCH", `/users/${made.id}`, {
        json: { ...whole, display_name: "  Alice ", username: "ignored" }
      })
      assert.deepEqual(changed.json, { ...made, ...whole })
      assert.deepEqual((yield* ask("GET", `/users/${made.id}`)).json, changed.json)

      const before = yield* stored
      for (const [field, value] of [
        ["display_name", ""],
        ["display_name", " "],
        ["display_name", "x".repeat(101)],
        ["display_name", "\u0000"],
        ["display_name", "\ud800"],
        ["display_name", 1],
        ["avatar_url", "javascript:alert(1)"],
        ["avatar_url", "data:image/png;base64,AAAA"],
        ["avatar_url", "//example.com/a"],
        ["avatar_url", "https://"],
        ["avatar_url", "https://exa mple.com"],
        ["avatar_url", `https://example.com/${"a".repeat(2048)}`],
        ["metadata", []],
        ["metadata", "text"],
        ["metadata", { a: "x".repeat(2048) }],
        ["metadata", { "\u0000": 1 }]
      ] as const) {
        for (const [method, path] of [
          ["PATCH", `/users/${made.id}`],
          ["PUT", externalPath("of nobody yet")]
        ] as const) {
          const { status, json } = yield* ask(method, path, { json: { [field]: value } })
          assert.strictEqual(status, 422, `${method} ${field} ${JSON.stringify(value).slice(0, 40)}`)
          assert.isTrue(json.detail.startsWith(field), json.detail)
        }
      }
      for (const path of ["/users/by-external-id/%00", externalPath("x".repeat(256))])
        assert.strictEqual((yield* ask("PUT", path, { json: {} })).status, 422)
      assert.strictEqual((yield* ask("PATCH", "/users/2147483647", { json: whole })).status, 404)
      assert.strictEqual((yield* ask("PATCH", "/users/9007199254740993", { json: whole })).status, 404)
      assert.strictEqual(yield* stored, before)
    })
  )

  it.effect("users are looked up by their whole name, or by how it begins", () =>
    Effect.gen(function* () {
      const { ask } = yield* ChatServer
      const rest = newUsername().slice(0, 20)
      const { json: made } = yield* ask("POST", "/users/", { json: { username: `Z${rest}` } })

      assert.deepEqual((yield* ask("GET", `/users/?username=Z${rest}`)).json, [made])
      assert.deepEqual((yield* ask("GET", `/users/?username=z${rest}`)).json, [])
      assert.deepEqual((yield* ask("GET", `/users/?q=z${rest}`)).json, [made])
      assert.deepEqual((yield* ask("GET", `/users/?q=z${rest}&after_id=${made.id}`)).json, [])
      assert.deepEqual((yield* ask("GET", "/users/?q=%25")).json, [])
      for (const [query, field] of [
        ["username=", "username"],
        ["q=", "q"],
        [`q=${"x".repeat(101)}`, "q"],
        ["q=%00", "q"],
        ["q=a&username=alice", "q"]
      ] as const) {
        const { status, json } = yield* ask("GET", `/users/?${query}`)
        assert.strictEqual(status, 422, query)
        assert.isTrue(json.detail.startsWith(`${field}: must`), json.detail)
      }
    })
  )

  it.effect("another username than a user's is refused, and said", () =>
    Effect.gen(function* () {
      const { ask } = yield* ChatServer
      const [id, username] = [newUsername(), newUsername()]
      yield* ask("PUT", externalPath(id), { json: { username } })

      const other = yield* ask("PUT", externalPath(id), { json: { username: newUsername() } })
      assert.strictEqual(other.status, 409)
      assert.strictEqual(other.json.username, username)
      const taken = yield* ask("PUT", externalPath(newUsername()), { json: { username } })
      assert.include(taken.json, { status: 400, detail: "Username already registered" })
    })
  )
})
