import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { ChatServer, newPair, newUsers, send } from "./ChatServer.ts"
import { newGroup, sendTo } from "./Groups.ts"
import { invalid, refused } from "./Refusals.ts"

const STRANGER = 2_147_483_647
const HUGE = ["2147483648", "9223372036854775808", "9".repeat(99)]
const NO_IDS = ["0", "-1", "1.5", "1e3", "abc", "%00", "%F0%9F%91%8D"]

layer(ChatServer.layer, { excludeTestServices: true })((it) => {
  describe("blocks", () => {
    it.effect("name two users that there are, by their ids", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const { alice } = yield* newPair
        for (const id of NO_IDS) {
          for (const method of ["PUT", "DELETE"]) {
            yield* invalid(["params", "blocked_id"], method, `/users/${alice.id}/blocks/${id}`)
            yield* invalid(["params", "user_id"], method, `/users/${id}/blocks/${alice.id}`)
          }
          yield* invalid(["params", "user_id"], "GET", `/users/${id}/blocks`)
        }
        for (const id of [String(STRANGER), ...HUGE]) {
          yield* refused(404, "user-not-found", "PUT", `/users/${alice.id}/blocks/${id}`)
          yield* refused(404, "user-not-found", "PUT", `/users/${id}/blocks/${alice.id}`)
          yield* refused(404, "user-not-found", "GET", `/users/${id}/blocks`)
          assert.strictEqual((yield* ask("DELETE", `/users/${alice.id}/blocks/${id}`)).status, 204)
          assert.strictEqual((yield* ask("DELETE", `/users/${id}/blocks/${alice.id}`)).status, 204)
        }
        yield* invalid(["params", "blocked_id"], "PUT", `/users/${alice.id}/blocks/${alice.id}`)
        yield* invalid(["query", "limit"], "GET", `/users/${alice.id}/blocks?limit=0`)
        yield* invalid(["query", "after"], "GET", `/users/${alice.id}/blocks?after=x`)
        assert.deepEqual((yield* ask("GET", `/users/${alice.id}/blocks?after=${HUGE[2]}`)).json, {
          blocks: [],
          next: null
        })
      })
    )

    it.effect(
      "may be made and taken back twice; they refuse what the blocked user sends with one sentence",
      () =>
        Effect.gen(function* () {
          const { ask } = yield* ChatServer
          const { alice, bob } = yield* newPair
          const { conversation_id } = yield* send(bob, alice, "hi", "before")
          const path = `/users/${alice.id}/blocks/${bob.id}`
          const made = yield* ask("PUT", path)
          assert.strictEqual(made.status, 200)
          assert.deepEqual((yield* ask("PUT", path)).json, made.json)
          assert.deepEqual((yield* ask("GET", `/users/${alice.id}/blocks`)).json, {
            blocks: [{ ...made.json, username: bob.username, display_name: bob.display_name }],
            next: null
          })

          for (const to of [{ receiver_id: alice.id }, { conversation_id }]) {
            const json = { sender_id: bob.id, content: "again", ...to }
            const { detail } = yield* refused(403, "blocked", "POST", "/messages/", { json })
            assert.strictEqual(detail, "The other user takes no messages from this user")
          }
          yield* send(bob, alice, "hi", "before")
          const carol = (yield* newUsers(1))[0]!
          assert.strictEqual((yield* ask("PUT", `/users/${alice.id}/blocks/${carol.id}`)).status, 200)
          yield* refused(403, "blocked", "POST", "/conversations/", {
            json: { user_id: carol.id, kind: "direct", with: alice.id }
          })

          for (const _ of [1, 2]) assert.strictEqual((yield* ask("DELETE", path)).status, 204)
          yield* send(bob, alice, "again")
        })
    )

    it.effect("hide no presence from callers who are no user", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const { alice, bob } = yield* newPair
        yield* ask("PUT", `/users/${alice.id}/blocks/${bob.id}`)
        assert.strictEqual((yield* ask("GET", `/users/${bob.id}/presence`)).status, 200)
      })
    )
  })

  describe("reports", () => {
    it.effect("name a message that the user may read, and give a reason that can be kept", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const [alice, bob, carol] = yield* newUsers(3)
        const { id } = yield* newGroup(alice!, [bob!])
        const message = yield* sendTo(bob!, id, "rude")
        const path = `/messages/${message.id}/report`
        const by = { user_id: alice!.id }
        for (const reason of ["", "  ", "a".repeat(1001), "a\u0000b", "a\ud83d", 7, ["Spam"], {}])
          yield* invalid(["payload", "reason"], "POST", path, { json: { ...by, reason } })
        for (const user_id of ["1", 0, -1, 1.5, null])
          yield* invalid(["payload", "user_id"], "POST", path, { json: { user_id } })
        yield* invalid(["payload", "user_id"], "POST", path, { json: {} })
        yield* invalid(["payload"], "POST", path, { json: [] })
        yield* refused(415, "unsupported-media-type", "POST", path, { body: "Spam" })
        for (const bad of NO_IDS)
          yield* invalid(["params", "message_id"], "POST", `/messages/${bad}/report`, { json: by })
        for (const unknown of ["9000000000", ...HUGE.slice(1)])
          yield* refused(404, "message-not-found", "POST", `/messages/${unknown}/report`, { json: by })
        for (const user_id of [carol!.id, STRANGER, STRANGER + 1])
          yield* refused(403, "not-member", "POST", path, { json: { user_id } })

        const earlier = yield* ask("POST", path, { json: { user_id: bob!.id, reason: "Mine" } })
        const made = yield* ask("POST", path, { json: { ...by, reason: null } })
        assert.deepEqual(Object.keys(made.json), ["id", "message_id", "reporter_id", "created_at"])
        assert.deepEqual((yield* ask("POST", path, { json: { ...by, reason: "Late" } })).json, made.json)
        const listed = yield* ask("GET", `/reports/?limit=1&after=${earlier.json.id}`)
        assert.deepEqual(listed.json.reports[0].message.content, "rude")

        yield* ask("DELETE", `/messages/${message.id}?user_id=${bob!.id}`)
        yield* ask("DELETE", `/reports/${earlier.json.id}`)
        yield* refused(409, "message-deleted", "POST", path, { json: { user_id: bob!.id } })
        for (const _ of [1, 2])
          assert.strictEqual((yield* ask("DELETE", `/reports/${made.json.id}`)).status, 204)
        assert.strictEqual((yield* ask("DELETE", `/reports/${HUGE[2]}`)).status, 204)
        yield* invalid(["params", "report_id"], "DELETE", "/reports/x")
        yield* invalid(["query", "limit"], "GET", "/reports/?limit=1001")
        yield* invalid(["query", "after"], "GET", "/reports/?after=-1")
        assert.deepEqual((yield* ask("GET", `/reports/?after=${HUGE[2]}`)).json, { reports: [], next: null })
      })
    )
  })

  describe("suspensions", () => {
    it.effect("name a user that there is, and may be made and ended twice", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const { alice, bob } = yield* newPair
        for (const method of ["GET", "PUT", "DELETE"]) {
          for (const id of NO_IDS) yield* invalid(["params", "user_id"], method, `/users/${id}/suspension`)
          for (const id of [String(STRANGER), ...HUGE])
            yield* refused(404, "user-not-found", method, `/users/${id}/suspension`)
        }
        const path = `/users/${alice.id}/suspension`
        assert.deepEqual((yield* ask("GET", path)).json, { user_id: alice.id, suspended_at: null })
        const made = yield* ask("PUT", path)
        assert.isString(made.json.suspended_at)
        for (const method of ["PUT", "GET"]) assert.deepEqual((yield* ask(method, path)).json, made.json)
        const json = { sender_id: alice.id, receiver_id: bob.id, content: "hi" }
        const { detail } = yield* refused(403, "user-suspended", "POST", "/messages/", { json })
        assert.strictEqual(detail, "The user is suspended: it may read, and do nothing else")
        for (const _ of [1, 2]) assert.strictEqual((yield* ask("DELETE", path)).status, 204)
        assert.strictEqual((yield* ask("POST", "/messages/", { json })).status, 200)
      })
    )
  })
})
