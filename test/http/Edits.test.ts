import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import type { User } from "../../src/domain/User.ts"
import { ChatServer, newPair, send } from "./ChatServer.ts"
import { eventsOf } from "./Groups.ts"

const edit = Effect.fnUntraced(function* (by: User, id: number, fields: Readonly<Record<string, unknown>>) {
  const { ask } = yield* ChatServer
  return yield* ask("PATCH", `/messages/${id}`, { json: { user_id: by.id, ...fields } })
})

const remove = Effect.fnUntraced(function* (by: User, id: number) {
  const { ask } = yield* ChatServer
  return yield* ask("DELETE", `/messages/${id}?user_id=${by.id}`)
})

/** The contents of a user's recent list, as clients of release 1.0 read it. */
const recentOf = Effect.fnUntraced(function* (user: User) {
  const { ask } = yield* ChatServer
  const { json } = yield* ask("GET", `/messages/recent/${user.id}`)
  return json.messages.map(({ content }: { readonly content: string }) => content)
})

layer(ChatServer.layer, { excludeTestServices: true })((it) => {
  describe("an edit", () => {
    it.effect("is a new version, an event for both, and answered alike when it is repeated", () =>
      Effect.gen(function* () {
        const { alice, bob } = yield* newPair
        const { id } = yield* send(alice, bob, "helo")

        const edited = yield* edit(alice, id, { content: "hello", version: 1 })
        const again = yield* edit(alice, id, { content: "hello" })

        assert.deepInclude(edited.json, { id, content: "hello", version: 2 })
        assert.deepEqual(again.json, edited.json)
        for (const user of [alice, bob]) {
          const updates = (yield* eventsOf(user)).filter(({ type }) => type === "message_updated")
          assert.deepEqual(
            updates.map(({ id, content, version }) => ({ id, content, version })),
            [{ id, content: "hello", version: 2 }]
          )
        }
      })
    )

    it.effect("of a version that is no longer the current one is a 409, and changes nothing", () =>
      Effect.gen(function* () {
        const { alice, bob } = yield* newPair
        const { id } = yield* send(alice, bob, "one")
        yield* edit(alice, id, { content: "two" })

        const { status } = yield* edit(alice, id, { content: "three", version: 1 })

        assert.strictEqual(status, 409)
        assert.deepEqual(yield* recentOf(bob), ["two"])
      })
    )

    it.effect("is its author's alone", () =>
      Effect.gen(function* () {
        const { alice, bob } = yield* newPair
        const { id } = yield* send(alice, bob, "mine")
        assert.strictEqual((yield* edit(bob, id, { content: "yours" })).status, 403)
        assert.strictEqual((yield* remove(bob, id)).status, 403)
        assert.deepEqual(yield* recentOf(bob), ["mine"])
      })
    )

    it.effect("by two at once makes as many versions as were answered", () =>
      Effect.gen(function* () {
        const { alice, bob } = yield* newPair
        const { id } = yield* send(alice, bob, "first")

        const answers = yield* Effect.all(
          ["a", "b"].map((content) => edit(alice, id, { content, version: 1 })),
          { concurrency: "unbounded" }
        )

        assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409])
        const kept = answers.find(({ status }) => status === 200)!.json.content
        assert.deepEqual(yield* recentOf(bob), [kept])
      })
    )
  })

  describe("the recent list of release 1.0", () => {
    it.effect("shows edits and deletes, also where it was cached before", () =>
      Effect.gen(function* () {
        const { alice, bob } = yield* newPair
        const { id: edited } = yield* send(alice, bob, "edited")
        const { id: deleted } = yield* send(alice, bob, "deleted")
        assert.deepEqual(yield* recentOf(bob), ["deleted", "edited"])

        yield* edit(alice, edited, { content: "changed" })
        assert.deepEqual(yield* recentOf(bob), ["deleted", "changed"])

        const first = yield* remove(alice, deleted)
        assert.deepInclude(first.json, { id: deleted, content: "" })
        assert.deepEqual((yield* remove(alice, deleted)).json, first.json)
        assert.deepEqual(yield* recentOf(bob), ["", "changed"])
      })
    )
  })
})
