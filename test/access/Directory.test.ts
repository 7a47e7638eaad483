import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Settings } from "../../src/AppConfig.ts"
import { bearer, post, request } from "../security/support/Server.ts"
import { makeKeys } from "../security/support/Tokens.ts"
import { freshEmbedded } from "../support/EmbeddedPool.ts"
import { startServer } from "../support/TestServer.ts"
import { openSocket } from "../support/TestSocket.ts"

const modes = ["all", "exact", "shared", "none"] as const

/** What alice gets to see of others with each setting: of bob, with whom she has a conversation, and of carol, a stranger. */
const rules: Readonly<Record<string, readonly [path: string, ...ReadonlyArray<string>]>> = {
  "the list of users": ["/users/", "alice bob carol", "403", "alice bob", "403"],
  "a search": ["/users/?q=ALI", "alice", "403", "alice", "403"],
  "a search for the stranger": ["/users/?q=car", "carol", "403", "", "403"],
  "her friend's name": ["/users/?username=bob", "bob", "bob", "bob", ""],
  "the stranger's name": ["/users/?username=carol", "carol", "carol", "", ""],
  "her own name": ["/users/?username=alice", "alice", "alice", "alice", "alice"],
  "herself by id": ["/users/1", "alice", "alice", "alice", "alice"],
  "her friend by id": ["/users/2", "bob", "bob", "bob", "403"],
  "the stranger by id": ["/users/3", "carol", "carol", "403", "403"],
  "the stranger by external id": ["/users/by-external-id/c%7C3", "carol", "carol", "404", "404"],
  "her friend's presence": ["/users/2/presence", "2", "2", "2", "403"],
  "the stranger's presence": ["/users/3/presence", "3", "3", "403", "403"]
}

const shown = ({ status, body }: { readonly status: number; readonly body: string }): string => {
  if (status !== 200) return String(status)
  const found = JSON.parse(body)
  if (Array.isArray(found)) return found.map(({ username }) => username).join(" ")
  return String(found.username ?? found.user_id)
}

const detailOf = ({ body }: { readonly body: string }): string => JSON.parse(body).detail

const withDirectory = Effect.fnUntraced(function* (userDirectory: Settings["userDirectory"]) {
  const keys = yield* makeKeys()
  const server = yield* startServer({
    ...(yield* freshEmbedded),
    ...keys.settings,
    rateLimits: "off",
    userDirectory
  })
  const service = bearer(yield* keys.mint({ scope: "service" }))
  for (const username of ["alice", "bob", "carol"]) yield* post(`${server.url}/users/`, { username }, service)
  yield* post(`${server.url}/messages/`, { sender_id: 2, receiver_id: 1, content: "hello" }, service)
  const token = yield* keys.mint({ sub: "1" })
  return { server, service, token, mint: keys.mint }
})

for (const [i, mode] of modes.entries()) {
  it.live(
    `USER_DIRECTORY=${mode} says whom a user's token sees, over REST and sockets, and binds no service`,
    () =>
      Effect.gen(function* () {
        const { server, service, token } = yield* withDirectory(mode)
        const external = yield* request(`${server.url}/users/by-external-id/c%7C3`, {
          method: "PUT",
          headers: { "content-type": "application/json", ...service },
          body: JSON.stringify({ username: "dora" })
        })
        assert.strictEqual(external.status, 200)

        for (const [what, [path, ...expected]] of Object.entries(rules)) {
          const given = path.includes("external")
            ? expected.map((name) => (name === "carol" ? "dora" : name))
            : expected.map((names) => (names === "alice bob carol" ? "alice bob carol dora" : names))
          const answer = yield* request(server.url + path, { headers: bearer(token) })
          assert.strictEqual(shown(answer), given[i], what)
          if (answer.status === 403) assert.include(detailOf(answer), `(USER_DIRECTORY=${mode})`)
          const asService = yield* request(server.url + path, { headers: service })
          assert.strictEqual(shown(asService), given[0], `${what}, as a service`)
        }

        const { send, nextOf } = yield* openedBy(server, 1, token)
        for (const [users, mayWatch] of [
          [[1], true],
          [[2], mode !== "none"],
          [[2, 3], mode === "all" || mode === "exact"]
        ] as const) {
          yield* send({ type: "watch", user_ids: users })
          const frame = yield* nextOf(mayWatch ? "presence" : "error")
          if (!mayWatch) assert.include(frame, { code: "forbidden" })
          for (const _ of mayWatch ? users.slice(1) : []) yield* nextOf("presence")
        }
      })
  )
}

const openedBy = (server: { readonly webSocketUrl: string }, userId: number, token: string) =>
  openSocket(`${server.webSocketUrl}/ws/${userId}`, { protocols: ["minichat.v2", `bearer.${token}`] })

for (const [who, removed] of [
  ["the user left", 1],
  ["the other one left", 3]
] as const) {
  it.live(`USER_DIRECTORY=shared ends a watch with the last conversation that is shared, when ${who}`, () =>
    Effect.gen(function* () {
      const { server, service, token, mint } = yield* withDirectory("shared")
      const made = yield* post(
        `${server.url}/conversations/`,
        { user_id: 2, kind: "group", title: "Three", member_ids: [1, 3] },
        service
      )
      yield* openedBy(server, 3, yield* mint({ sub: "3" }))
      const { send, nextOf } = yield* openedBy(server, 1, token)
      yield* send({ type: "watch", user_ids: [3] })
      assert.include(yield* nextOf("presence"), { user_id: 3, online: true })

      const { id } = JSON.parse(made.body)
      yield* request(`${server.url}/conversations/${id}/members/${removed}?user_id=${removed}`, {
        method: "DELETE",
        headers: service
      })
      assert.include(yield* nextOf("presence"), { user_id: 3, online: false, last_seen: null })
    })
  )
}

for (const mode of modes) {
  it.live(`USER_DIRECTORY=${mode} says whom a user may block, so that its list names no stranger`, () =>
    Effect.gen(function* () {
      const { server, service, token } = yield* withDirectory(mode)
      const block = (id: number, headers: Readonly<Record<string, string>>) =>
        request(`${server.url}/users/1/blocks/${id}`, { method: "PUT", headers })
      const listed = Effect.map(
        request(`${server.url}/users/1/blocks`, { headers: bearer(token) }),
        ({ body }) =>
          JSON.parse(body)
            .blocks.map((each: { username: string }) => each.username)
            .join(" ")
      )
      const showsStrangers = mode === "all" || mode === "exact"

      assert.strictEqual((yield* block(2, bearer(token))).status, 200, "who shares a conversation")
      const [stranger, nobody] = [yield* block(3, bearer(token)), yield* block(999, bearer(token))]
      assert.strictEqual(nobody.status, 404)
      assert.strictEqual(stranger.status, showsStrangers ? 200 : 404)
      if (!showsStrangers) assert.strictEqual(detailOf(stranger), detailOf(nobody))
      assert.strictEqual(yield* listed, showsStrangers ? "bob carol" : "bob")

      assert.strictEqual((yield* block(3, service)).status, 200, "as a service")
    })
  )
}

for (const mode of modes) {
  it.live(
    `USER_DIRECTORY=${mode} says with whom a user may ask for a conversation, whose names it then sees`,
    () =>
      Effect.gen(function* () {
        const { server, service, token } = yield* withDirectory(mode)
        const direct = (userId: number, headers: Readonly<Record<string, string>>) =>
          post(`${server.url}/conversations/`, { user_id: 1, kind: "direct", with: userId }, headers)
        const showsStrangers = mode === "all" || mode === "exact"

        assert.include((yield* direct(2, bearer(token))).body, '"bob"', "who shares a conversation")
        const [stranger, nobody] = [yield* direct(3, bearer(token)), yield* direct(999, bearer(token))]
        assert.strictEqual(nobody.status, 404)
        if (showsStrangers) return assert.include(stranger.body, '"carol"')
        assert.strictEqual(stranger.status, 404)
        assert.strictEqual(detailOf(stranger).replace("3", "999"), detailOf(nobody))
        const events = yield* request(`${server.url}/users/3/events?since=0`, { headers: service })
        assert.deepEqual(JSON.parse(events.body).events, [])

        yield* post(
          `${server.url}/messages/`,
          { sender_id: 1, receiver_id: 3, content: "hello" },
          bearer(token)
        )
        assert.include((yield* direct(3, bearer(token))).body, '"carol"', "after a first message")
      })
  )
}

it.live("another user's external id is not shown to a user", () =>
  Effect.gen(function* () {
    const { server, service, token } = yield* withDirectory("all")
    yield* request(`${server.url}/users/by-external-id/carol%40example.com`, {
      method: "PUT",
      headers: { "content-type": "application/json", ...service },
      body: "{}"
    })

    const [asUser, asService] = [
      yield* request(`${server.url}/users/4`, { headers: bearer(token) }),
      yield* request(`${server.url}/users/4`, { headers: service })
    ]
    assert.notInclude(asUser.body, "example.com")
    assert.include(JSON.parse(asService.body), { external_id: "carol@example.com" })
    const list = yield* request(`${server.url}/users/`, { headers: bearer(token) })
    assert.notInclude(list.body, "example.com")
  })
)
