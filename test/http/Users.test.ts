import { assert, layer } from "@effect/vitest"
import { Duration, Effect, Fiber } from "effect"
import type { User } from "../../src/domain/User.ts"
import { openSocket } from "../support/TestSocket.ts"
import { until } from "../support/Until.ts"
import {
  ChatServer,
  MESSAGE_FIELDS,
  newPair,
  newUser,
  newUsername,
  send,
  TIMESTAMP,
  USER_FIELDS
} from "./ChatServer.ts"

layer(ChatServer.layer, { excludeTestServices: true })("users", (it) => {
  it.effect("a new user is answered as it was made, its display name being the username", () =>
    Effect.gen(function* () {
      const { ask } = yield* ChatServer
      const username = newUsername()

      const { status, headers, json } = yield* ask("POST", "/users/", { json: { username } })

      assert.strictEqual(status, 200)
      assert.strictEqual(headers.get("content-type"), "application/json")
      assert.deepEqual(Object.keys(json), USER_FIELDS)
      assert.isTrue(Number.isInteger(json.id))
      assert.deepInclude(json, { username, display_name: username })
      assert.match(json.created_at, TIMESTAMP)
    })
  )

  it.effect.each([
    ["with a space", "Alice Liddell"],
    ["that is empty", ""],
    ["in Arabic, with an emoji, quotes and HTML", "أليس 🐇 <b>\"'\\"],
    ["of 100 letters", "x".repeat(100)],
    ["of 100 emoji", "🐇".repeat(100)]
  ] as const)("a display name %s is kept as it is", ([, display_name]) =>
    Effect.gen(function* () {
      const { client } = yield* ChatServer
      const made = yield* client.users.create({ payload: { username: newUsername(), display_name } })

      assert.strictEqual(made.display_name, display_name)
      assert.deepEqual(yield* client.users.get({ params: { user_id: made.id } }), made)
    })
  )

  it.effect("a display name of null is the username", () =>
    Effect.gen(function* () {
      const { client } = yield* ChatServer
      const username = newUsername()
      const made = yield* client.users.create({ payload: { username, display_name: null } })
      assert.strictEqual(made.display_name, username)
    })
  )

  it.effect("a username that is taken is refused", () =>
    Effect.gen(function* () {
      const { ask, client, stored } = yield* ChatServer
      const { username } = yield* newUser
      const before = yield* stored

      const { status, headers, json } = yield* ask("POST", "/users/", { json: { username } })

      assert.strictEqual(status, 400)
      assert.strictEqual(headers.get("content-type"), "application/problem+json")
      assert.deepEqual(json, {
        type: "urn:minichat:problem:username-taken",
        title: "Bad Request",
        status: 400,
        detail: "Username already registered"
      })
      assert.strictEqual(yield* stored, before)
      const error = yield* Effect.flip(client.users.create({ payload: { username } }))
      assert.strictEqual(error._tag, "UsernameTaken")
    })
  )

  it.effect("users are listed by ascending id, from skip and at most limit of them", () =>
    Effect.gen(function* () {
      const { ask, client } = yield* ChatServer
      yield* Effect.replicateEffect(newUser, 3)

      const all = yield* client.users.list({ query: { skip: 0, limit: 1000 } })
      const { text, json } = yield* ask("GET", "/users/?skip=1&limit=2")

      assert.deepEqual(
        all.map(({ id }) => id),
        all.map(({ id }) => id).toSorted((a, b) => a - b)
      )
      assert.isAtLeast(all.length, 3)
      assert.deepEqual(json, all.slice(1, 3))
      assert.strictEqual(text, JSON.stringify(all.slice(1, 3)))
      assert.deepEqual(yield* client.users.list({ query: { skip: all.length, limit: 100 } }), [])
    })
  )

  it.effect("a list without skip and limit has the first 100 users", () =>
    Effect.gen(function* () {
      const { ask, client } = yield* ChatServer
      yield* Effect.replicateEffect(newUser, 101, { concurrency: 8 })
      const { json } = yield* ask("GET", "/users/")
      assert.lengthOf(json, 100)
      assert.deepEqual(json, yield* client.users.list({ query: { skip: 0, limit: 100 } }))
    })
  )

  it.effect("a user is found by id, and a stranger is not", () =>
    Effect.gen(function* () {
      const { ask, client } = yield* ChatServer
      const user = yield* newUser

      assert.deepEqual(yield* client.users.get({ params: { user_id: user.id } }), user)
      const { text } = yield* ask("GET", `/users/${user.id}`)
      assert.strictEqual(text, JSON.stringify(user))
      const { status, json } = yield* ask("GET", "/users/2147483647")
      assert.strictEqual(status, 404)
      assert.deepInclude(json, { type: "urn:minichat:problem:user-not-found", detail: "User not found" })
    })
  )

  it.effect("presence follows the user's sockets", () =>
    Effect.gen(function* () {
      const { ask, client, server } = yield* ChatServer
      const { id } = yield* newUser
      const presence = client.users.presence({ params: { user_id: id } })

      const { json } = yield* ask("GET", `/users/${id}/presence`)
      assert.deepEqual(json, { user_id: id, online: false, connections: 0, last_seen: null })

      yield* Effect.scoped(
        Effect.gen(function* () {
          const first = yield* openSocket(`${server.webSocketUrl}/ws/${id}`)
          const second = yield* openSocket(`${server.webSocketUrl}/ws/${id}`)
          yield* first.nextOf("system")
          yield* second.nextOf("system")
          const online = yield* presence
          assert.deepInclude(online, { user_id: id, online: true, connections: 2 })
          assert.match(online.last_seen!, TIMESTAMP)
        })
      )

      yield* until(Effect.map(presence, ({ connections }) => connections === 0))
      const offline = yield* presence
      assert.isFalse(offline.online)
      assert.match(offline.last_seen!, TIMESTAMP)
    })
  )

  it.effect("presence of a stranger is a 404", () =>
    Effect.gen(function* () {
      const { client } = yield* ChatServer
      const { id } = yield* newUser
      const error = yield* Effect.flip(
        client.users.presence({ params: { user_id: (id + 1_000_000) as typeof id } })
      )
      assert.strictEqual(error._tag, "UserNotFound")
    })
  )

  it.effect("events are the inbox in order, for both ends of a message", () =>
    Effect.gen(function* () {
      const { ask } = yield* ChatServer
      const { alice, bob } = yield* newPair
      const { delivered_via_websocket: _, ...first } = yield* send(alice, bob, "first", "c1")
      const { delivered_via_websocket: __, ...second } = yield* send(alice, bob, "second")

      const received = yield* ask("GET", `/users/${bob.id}/events?since=0`)
      const sent = yield* events(alice, 0)

      assert.deepEqual(received.json, {
        events: [
          { type: "message", seq: 1, ...first },
          { type: "message", seq: 2, ...second }
        ],
        cursor: 2,
        epoch: received.json.epoch,
        recovered: true
      })
      assert.match(received.json.epoch, /^[0-9a-f]{12}$/)
      assert.deepEqual(Object.keys(received.json.events[0]), ["type", "seq", ...MESSAGE_FIELDS])
      assert.deepEqual(sent.events, [
        { type: "message_sent", seq: 1, ...first, client_id: "c1" },
        { type: "message_sent", seq: 2, ...second }
      ])
    })
  )

  it.effect("events are paged by since and limit", () =>
    Effect.gen(function* () {
      const { alice, bob } = yield* newPair
      yield* Effect.forEach(["1", "2", "3"], (content) => send(alice, bob, content))

      const first = yield* events(bob, 0, { limit: 2 })
      const last = yield* events(bob, first.cursor, { limit: 2 })
      const none = yield* events(bob, last.cursor, { limit: 2 })

      assert.deepEqual([first.cursor, first.events.map(({ seq }) => seq)], [2, [1, 2]])
      assert.deepEqual([last.cursor, last.events.map(({ seq }) => seq)], [3, [3]])
      assert.deepEqual(none, { events: [], cursor: 3, epoch: first.epoch, recovered: true })
    })
  )

  it.effect("a page of events without a limit has 100", () =>
    Effect.gen(function* () {
      const { ask } = yield* ChatServer
      const { alice, bob } = yield* newPair
      yield* Effect.forEach(Array.from({ length: 101 }), () => send(alice, bob, "many"), { concurrency: 8 })
      const { json } = yield* ask("GET", `/users/${bob.id}/events?since=0`)
      assert.lengthOf(json.events, 100)
      assert.strictEqual(json.cursor, 100)
    })
  )

  it.effect("events beyond the head are not recovered, and the cursor is the head", () =>
    Effect.gen(function* () {
      const { alice, bob } = yield* newPair
      yield* send(alice, bob, "one")
      const { epoch } = yield* events(bob, 0)
      for (const since of [2, Number.MAX_SAFE_INTEGER]) {
        const page = yield* events(bob, since, { wait: 30 })
        assert.deepEqual(page, { events: [], cursor: 1, epoch, recovered: false })
      }
    })
  )

  it.effect("a poll that waits is answered by the next event", () =>
    Effect.gen(function* () {
      const { following } = yield* ChatServer
      const { alice, bob } = yield* newPair
      const poll = yield* Effect.forkChild(events(bob, 0, { wait: 30 }))
      yield* until(Effect.map(following(bob), (polls) => polls > 0))

      const { id } = yield* send(alice, bob, "awaited")

      const page = yield* Fiber.join(poll)
      assert.deepInclude(page, { cursor: 1, recovered: true })
      assert.deepEqual(
        page.events.map((event) => "id" in event && event.id),
        [id]
      )
      assert.strictEqual(yield* following(bob), 0)
    })
  )

  it.effect("a poll that waits in vain is answered without events, when its time is over", () =>
    Effect.gen(function* () {
      const user = yield* newUser
      const [waited, page] = yield* Effect.timed(events(user, 0, { wait: 1 }))
      assert.deepEqual(page, { events: [], cursor: 0, epoch: page.epoch, recovered: true })
      assert.isAtLeast(Duration.toMillis(waited), 1000)
    })
  )

  it.effect("a poll whose caller hangs up leaves nothing behind", () =>
    Effect.gen(function* () {
      const { following } = yield* ChatServer
      const user = yield* newUser
      const poll = yield* Effect.forkChild(events(user, 0, { wait: 30 }))
      yield* until(Effect.map(following(user), (polls) => polls > 0))

      yield* Fiber.interrupt(poll)

      yield* until(Effect.map(following(user), (polls) => polls === 0))
    })
  )

  it.effect("events of a stranger are a 404, also with a wait", () =>
    Effect.gen(function* () {
      const { ask } = yield* ChatServer
      for (const query of ["since=0", "since=0&wait=30"]) {
        const { status, json } = yield* ask("GET", `/users/2147483647/events?${query}`)
        assert.strictEqual(status, 404)
        assert.strictEqual(json.detail, "User not found")
      }
    })
  )
})

const events = (user: User, since: number, { limit = 100, wait = 0 } = {}) =>
  Effect.flatMap(ChatServer, ({ client }) =>
    client.users.events({ params: { user_id: user.id }, query: { since, limit, wait } })
  )
