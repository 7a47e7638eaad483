import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { ChatServer } from "./ChatServer.ts"

/** Names in scripts whose letters have marks. */
const names: Readonly<Record<string, string>> = {
  Hindi: "\u0939\u093f\u0928\u094d\u0926\u0940",
  Thai: "\u0e1e\u0e35\u0e48\u0e19\u0e49\u0e2d\u0e07",
  Tamil: "\u0ba4\u0bae\u0bbf\u0bb4\u0bcd",
  "pointed Hebrew": "\u05e9\u05c1\u05b8\u05dc\u05d5\u05b9\u05dd",
  "pointed Arabic": "\u0645\u064f\u062d\u064e\u0645\u0651\u064e\u062f",
  Vietnamese: "Nguye\u0302\u0303n"
}

const refused: Readonly<Record<string, string>> = {
  "a mark without a letter": "\u0301abc",
  "five marks on a letter": `abc${"\u0301".repeat(5)}`,
  "a variation selector": "abc\ufe0f",
  "a joiner": "ab\u200dc",
  "an enclosing mark": "abc\u20dd",
  "an emoji": "abc\u{1f600}",
  "a space": "a bc"
}

layer(ChatServer.layer, { excludeTestServices: true, timeout: "60 seconds" })("a username", (it) => {
  it.effect("may be of a script whose letters have marks, and is shown as it was given", () =>
    Effect.gen(function* () {
      const { ask } = yield* ChatServer
      for (const [script, username] of Object.entries(names)) {
        const { status, json } = yield* ask("POST", "/users/", { json: { username } })
        assert.strictEqual(status, 200, script)
        assert.strictEqual(json.username, username)

        const found = yield* ask("GET", `/users/?username=${encodeURIComponent(username.normalize("NFD"))}`)
        assert.deepEqual(found.json, [json], script)
        const again = yield* ask("POST", "/users/", { json: { username: username.normalize("NFD") } })
        assert.include(again.json, { status: 400, detail: "Username already registered" }, script)
      }
    })
  )

  it.effect("has its marks on letters, four at most, and nothing that is invisible", () =>
    Effect.gen(function* () {
      const { ask } = yield* ChatServer
      for (const [what, username] of Object.entries(refused)) {
        const { status, json } = yield* ask("POST", "/users/", { json: { username } })
        assert.strictEqual(status, 422, what)
        assert.strictEqual(
          json.detail,
          "username: must have only letters, with at most four marks each, and digits",
          what
        )
      }
    })
  )
})
