import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { HttpApi } from "effect/http-api"
import { Api } from "../../src/api/Api.ts"
import { freshEmbedded } from "../support/EmbeddedPool.ts"
import { startServer, type TestServer } from "../support/TestServer.ts"
import { bearer, post, request } from "./support/Server.ts"
import { badTokens, makeKeys } from "./support/Tokens.ts"

const ALICE = 1
const BOB = 2

/** The conversation of a message from alice to bob, and a group of alice's. */
const DIRECT = 1
const GROUP = 2

interface Call {
  /** `everyone` needs no token, `users` any good one, `owner` alice's own, `service` the application's, `self` a user's. */
  readonly for: "everyone" | "users" | "owner" | "service" | "self"
  readonly path: string
  /** GET, or POST with a body, unless it says otherwise. */
  readonly method?: "PUT" | "PATCH" | "DELETE"
  /** What is posted; each call gets a number of its own. */
  readonly body?: (n: number) => unknown
}

/** Every endpoint of the contract, called for alice, and whom it is for. */
const calls: Readonly<Record<string, Call>> = {
  "users.create": { for: "service", path: "/users/", body: (n) => ({ username: `user${n}` }) },
  "users.list": { for: "users", path: "/users/" },
  "users.get": { for: "users", path: `/users/${ALICE}` },
  "users.me": { for: "self", path: "/users/me" },
  "users.update": {
    for: "owner",
    method: "PATCH",
    path: `/users/${ALICE}`,
    body: (n) => ({ display_name: `Alice ${n}` })
  },
  "users.putExternal": { for: "service", method: "PUT", path: "/users/by-external-id/x", body: () => ({}) },
  "users.getExternal": { for: "users", path: "/users/by-external-id/x" },
  "users.export": { for: "owner", path: `/users/${ALICE}/export` },
  "users.presence": { for: "users", path: `/users/${ALICE}/presence` },
  "users.events": { for: "owner", path: `/users/${ALICE}/events?since=0` },
  "messages.send": {
    for: "owner",
    path: "/messages/",
    body: (n) => ({ sender_id: ALICE, receiver_id: BOB, content: `hello ${n}` })
  },
  "messages.history": { for: "owner", path: `/messages/?user_id=${ALICE}` },
  "messages.recent": { for: "owner", path: `/messages/recent/${ALICE}` },
  "users.disconnect": { for: "service", path: `/users/${ALICE}/disconnect`, body: () => ({}) },
  "messages.get": { for: "owner", path: `/messages/1?user_id=${ALICE}` },
  "messages.edit": {
    for: "owner",
    method: "PATCH",
    path: "/messages/1",
    body: (n) => ({ user_id: ALICE, content: `hello again ${n}` })
  },
  "messages.react": { for: "owner", method: "PUT", path: `/messages/1/reactions/👍?user_id=${ALICE}` },
  "messages.unreact": { for: "owner", method: "DELETE", path: `/messages/1/reactions/👍?user_id=${ALICE}` },
  "messages.search": { for: "owner", path: `/messages/search?user_id=${ALICE}&q=hello` },
  "moderation.report": { for: "owner", path: "/messages/1/report", body: () => ({ user_id: ALICE }) },
  "moderation.listReports": { for: "service", path: "/reports/" },
  "moderation.resolveReport": { for: "service", method: "DELETE", path: "/reports/1" },
  "messages.delete": { for: "owner", method: "DELETE", path: `/messages/1?user_id=${ALICE}` },
  "conversations.create": {
    for: "owner",
    path: "/conversations/",
    body: (n) => ({ user_id: ALICE, kind: "group", title: `Group ${n}`, member_ids: [] })
  },
  "conversations.list": { for: "owner", path: `/conversations/?user_id=${ALICE}` },
  "conversations.get": { for: "owner", path: `/conversations/${GROUP}?user_id=${ALICE}` },
  "conversations.update": {
    for: "owner",
    method: "PATCH",
    path: `/conversations/${GROUP}`,
    body: (n) => ({ user_id: ALICE, title: `Title ${n}` })
  },
  "conversations.members": { for: "owner", path: `/conversations/${GROUP}/members?user_id=${ALICE}` },
  "conversations.putMember": {
    for: "owner",
    method: "PUT",
    path: `/conversations/${GROUP}/members/${BOB}`,
    body: () => ({ user_id: ALICE })
  },
  "conversations.read": {
    for: "owner",
    path: `/conversations/${DIRECT}/read`,
    body: () => ({ user_id: ALICE, message_id: 1 })
  },
  "conversations.removeMember": {
    for: "owner",
    method: "DELETE",
    path: `/conversations/${GROUP}/members/${BOB}?user_id=${ALICE}`
  },
  "blocks.list": { for: "owner", path: `/users/${ALICE}/blocks` },
  "blocks.block": { for: "owner", method: "PUT", path: `/users/${ALICE}/blocks/${BOB}` },
  "blocks.unblock": { for: "owner", method: "DELETE", path: `/users/${ALICE}/blocks/${BOB}` },
  "moderation.suspension": { for: "owner", path: `/users/${ALICE}/suspension` },
  "moderation.suspend": { for: "service", method: "PUT", path: `/users/${BOB}/suspension` },
  "moderation.restore": { for: "service", method: "DELETE", path: `/users/${BOB}/suspension` },
  // The last one: afterwards there is no alice.
  "users.erase": { for: "owner", method: "DELETE", path: `/users/${ALICE}` },
  "system.welcome": { for: "everyone", path: "/" },
  "system.health": { for: "everyone", path: "/health" },
  "system.livez": { for: "everyone", path: "/livez" },
  "system.readyz": { for: "everyone", path: "/readyz" }
}

const PAGES = ["/docs", "/redoc", "/redoc/redoc.standalone.js", "/openapi.json"]

const endpoints: Array<string> = []
HttpApi.reflect(Api, {
  onGroup: () => {},
  onEndpoint: ({ group, endpoint }) => endpoints.push(`${group.identifier}.${endpoint.identifier}`)
})

class Guarded extends Context.Service<
  Guarded,
  {
    readonly server: TestServer
    readonly tokens: { readonly alice: string; readonly bob: string; readonly service: string }
    readonly bad: Readonly<Record<string, string>>
  }
>()("minichat/test/security/Guarded") {
  static readonly layer = Layer.effect(
    Guarded,
    Effect.gen(function* () {
      const keys = yield* makeKeys()
      const server = yield* startServer({
        ...(yield* freshEmbedded),
        ...keys.settings,
        rateLimits: "off"
      })
      const service = yield* keys.mint({ scope: "service" })
      for (const username of ["alice", "bob"]) {
        const { status } = yield* post(`${server.url}/users/`, { username }, bearer(service))
        assert.strictEqual(status, 200)
      }
      const made = [
        yield* post(
          `${server.url}/messages/`,
          { sender_id: ALICE, receiver_id: BOB, content: "hi" },
          bearer(service)
        ),
        yield* post(
          `${server.url}/conversations/`,
          { user_id: ALICE, kind: "group", title: "Group", member_ids: [] },
          bearer(service)
        )
      ]
      for (const { status } of made) assert.strictEqual(status, 200)
      const tokens = {
        alice: yield* keys.mint({ sub: String(ALICE) }),
        bob: yield* keys.mint({ sub: String(BOB) }),
        service
      }
      return Guarded.of({ server, tokens, bad: yield* badTokens(keys) })
    })
  )
}

let made = 0

const perform = ({ url }: TestServer, { path, method, body }: Call, headers: Record<string, string>) =>
  request(`${url}${path}`, {
    method: method ?? (body === undefined ? "GET" : "POST"),
    headers: body === undefined ? headers : { "content-type": "application/json", ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body(++made)) })
  })

/** An answer without a body is as good, and so is one that something has begun. */
const isDone = (status: number) => (status === 202 || status === 204 ? 200 : status)

layer(Guarded.layer, { excludeTestServices: true, timeout: "60 seconds" })("with AUTH=required", (it) => {
  it.effect("every endpoint of the contract has a rule here", () =>
    Effect.sync(() => assert.sameMembers(Object.keys(calls), endpoints))
  )

  for (const [name, call] of Object.entries(calls)) {
    if (call.for === "everyone") {
      it.effect(`${name} is public`, () =>
        Effect.gen(function* () {
          const { server, bad } = yield* Guarded
          assert.strictEqual((yield* perform(server, call, {})).status, 200)
          const answer = yield* perform(server, call, bearer(bad["that is no token"]!))
          assert.strictEqual(answer.status, 200)
        })
      )
      continue
    }

    it.effect(`${name} is refused without a token and with every bad one`, () =>
      Effect.gen(function* () {
        const { server, bad } = yield* Guarded
        const headers = [
          {},
          { authorization: "Bearer" },
          { authorization: "Basic YWxpY2U6c2VjcmV0" },
          ...Object.values(bad).map(bearer)
        ]
        for (const given of headers) {
          const { status, headers, body } = yield* perform(server, call, given)
          assert.strictEqual(status, 401, JSON.stringify(given))
          assert.strictEqual(headers.get("www-authenticate"), "Bearer")
          assert.match(headers.get("content-type") ?? "", /^application\/problem\+json/)
          for (const token of Object.values(bad)) if (token !== "abc") assert.notInclude(body, token)
        }
      })
    )

    it.effect(`${name} is for ${call.for}`, () =>
      Effect.gen(function* () {
        const { server, tokens } = yield* Guarded
        const statusFor = (token: string) =>
          Effect.map(perform(server, call, bearer(token)), ({ status }) => isDone(status))
        assert.strictEqual(yield* statusFor(tokens.service), call.for === "self" ? 403 : 200)
        assert.strictEqual(yield* statusFor(tokens.alice), call.for === "service" ? 403 : 200)
        assert.strictEqual(
          yield* statusFor(tokens.bob),
          call.for === "users" || call.for === "self" ? 200 : 403
        )
      })
    )
  }

  it.effect("a bad request without a token is answered only that it needs one", () =>
    Effect.gen(function* () {
      const { server } = yield* Guarded
      const answers = [
        yield* post(`${server.url}/messages/`, { nonsense: true }),
        yield* post(`${server.url}/messages/`, {}, { "content-type": "text/plain" }),
        yield* request(`${server.url}/users/abc`),
        yield* request(`${server.url}/users/${ALICE}/events`)
      ]
      assert.deepStrictEqual(
        answers.map(({ status }) => status),
        [401, 401, 401, 401]
      )
    })
  )

  it.effect("the docs are public", () =>
    Effect.gen(function* () {
      const { server } = yield* Guarded
      for (const page of PAGES) assert.strictEqual((yield* request(`${server.url}${page}`)).status, 200, page)
    })
  )

  it.effect("a token in the query is not looked at", () =>
    Effect.gen(function* () {
      const { server, tokens } = yield* Guarded
      const query = `token=${tokens.service}&access_token=${tokens.service}`
      assert.strictEqual((yield* request(`${server.url}/users/?${query}`)).status, 401)
    })
  )
})
