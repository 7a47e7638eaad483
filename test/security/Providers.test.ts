import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { freshEmbedded } from "../support/EmbeddedPool.ts"
import { startServer } from "../support/TestServer.ts"
import { openSocket } from "../support/TestSocket.ts"
import { providers, seconds, uuid, withProvider } from "./support/Providers.ts"
import { bearer, post, request } from "./support/Server.ts"

const parsed = ({ body }: { readonly body: string }) => JSON.parse(body)

describe("a token of", () => {
  for (const [name, provider] of Object.entries(providers)) {
    it.live(`${name} makes its user once, and opens its doors`, () =>
      Effect.gen(function* () {
        const { server, mint } = yield* withProvider(provider, { jwtProvision: true })
        const token = yield* mint()

        const first = yield* Effect.all(
          Array.from({ length: 5 }, () => request(`${server.url}/users/me`, { headers: bearer(token) })),
          { concurrency: "unbounded" }
        )

        const me = parsed(first[0]!)
        for (const answer of first) {
          assert.strictEqual(answer.status, 200, answer.body)
          assert.deepEqual(parsed(answer), me)
        }
        const { id, created_at: _, external_id, username, display_name, ...rest } = me
        assert.strictEqual(external_id, provider.claims.sub)
        for (const [field, value] of [
          [provider.user.username, username],
          [provider.user.display_name, display_name]
        ] as const) {
          if (typeof field === "string") assert.strictEqual(value, field)
          else assert.match(value, field)
        }
        assert.deepEqual(rest, provider.user.avatar_url ? { avatar_url: provider.user.avatar_url } : {})

        for (const path of ["me", id]) {
          const { nextOf } = yield* openSocket(`${server.webSocketUrl}/ws/${path}`, {
            protocols: ["minichat.v2", `bearer.${token}`]
          })
          assert.include(yield* nextOf("system"), { user_id: id })
        }
        const made = yield* post(
          `${server.url}/conversations/`,
          { kind: "group", title: "Notes", member_ids: [] },
          bearer(token)
        )
        assert.include(parsed(made), { created_by: id }, made.body)
      })
    )
  }
})

it.live(
  "without JWT_PROVISION, a token of nobody is answered by REST and sockets who makes its user, and then is of that user",
  () =>
    Effect.gen(function* () {
      const { server, mint, service } = yield* withProvider(providers.Auth0)
      const token = yield* mint()
      const sub = providers.Auth0.claims.sub!
      const address = `${server.url}/users/by-external-id/${encodeURIComponent(sub)}`
      const put = (headers: Record<string, string>, body: object) =>
        request(address, {
          method: "PUT",
          headers: { "content-type": "application/json", ...headers },
          body: JSON.stringify(body)
        })

      for (const refused of [
        yield* request(`${server.url}/users/me`, { headers: bearer(token) }),
        yield* put(bearer(token), {})
      ]) {
        assert.strictEqual(refused.status, 403)
        assert.strictEqual(
          parsed(refused).detail,
          'No user has the token\'s "sub" as its external id. Make it by PUT /users/by-external-id/{external_id}, or set JWT_PROVISION=true'
        )
      }
      const socket = yield* Effect.flip(
        openSocket(`${server.webSocketUrl}/ws/me`, { protocols: ["minichat.v2", `bearer.${token}`] })
      )
      assert.strictEqual(socket.status, 403)

      const made = yield* put(service, { username: "alice" })
      assert.strictEqual(made.status, 200, made.body)
      assert.deepEqual(
        parsed(yield* request(`${server.url}/users/me`, { headers: bearer(token) })),
        parsed(made)
      )
      const changed = yield* put(bearer(token), { display_name: "Al" })
      assert.deepEqual(parsed(changed), { ...parsed(made), display_name: "Al" })

      const other = yield* put(bearer(yield* mint({ sub: "auth0|other" })), {})
      assert.strictEqual(other.status, 403)
      yield* request(`${server.url}/users/by-external-id/auth0%7Cother`, {
        method: "PUT",
        headers: { "content-type": "application/json", ...service },
        body: "{}"
      })
      assert.strictEqual((yield* put(bearer(yield* mint({ sub: "auth0|other" })), {})).status, 403)
    })
)

it.live("JWT_USER_CLAIM names the claim that a user's id stands in, for ids of both kinds", () =>
  Effect.gen(function* () {
    const claim = "https://example.com/user"
    for (const jwtSubject of ["id", "external"] as const) {
      const { server, mint, service } = yield* withProvider(providers.Auth0, {
        jwtUserClaim: claim,
        jwtSubject
      })
      const made = parsed(
        yield* request(`${server.url}/users/by-external-id/1`, {
          method: "PUT",
          headers: { "content-type": "application/json", ...service },
          body: "{}"
        })
      )
      for (const value of ["1", 1]) {
        const me = yield* request(`${server.url}/users/me`, {
          headers: bearer(yield* mint({ [claim]: value }))
        })
        assert.deepEqual(parsed(me), made)
      }
      for (const value of [undefined, "", null, {}, ["1"], "x".repeat(256), "\u0000"]) {
        const answer = yield* request(`${server.url}/users/me`, {
          headers: bearer(yield* mint({ [claim]: value }))
        })
        assert.strictEqual(answer.status, 401)
        assert.include(parsed(answer).detail, `The token's claim "${claim}" is not a`)
      }
    }
  })
)

it.live("who has no user's token is nobody's self", () =>
  Effect.gen(function* () {
    const { server, service } = yield* withProvider(providers.Auth0)
    const answer = yield* request(`${server.url}/users/me`, { headers: service })
    assert.strictEqual(answer.status, 403)
    assert.strictEqual(
      parsed(answer).detail,
      'Only a user\'s token says who "me" is: name the user by its id'
    )
    const open = yield* startServer(yield* freshEmbedded)
    assert.strictEqual((yield* request(`${open.url}/users/me`)).status, 403)
    assert.strictEqual((yield* Effect.flip(openSocket(`${open.webSocketUrl}/ws/me`))).status, 403)
  })
)

describe("a token of an erased user", () => {
  const keycloak = providers.Keycloak

  const erase = (url: string, id: number, token: string) =>
    request(`${url}/users/${id}`, { method: "DELETE", headers: bearer(token) })

  const me = (url: string, token: string) => request(`${url}/users/me`, { headers: bearer(token) })

  const refusedAt = Effect.fnUntraced(function* (url: string, token: string) {
    const { status, body } = yield* request(`${url}/users/`, { headers: bearer(token) })
    assert.strictEqual(status, 403, body)
    assert.strictEqual((yield* me(url, token)).status, 403)
  })

  const usersOf = (url: string, service: Record<string, string>) =>
    Effect.map(request(`${url}/users/`, { headers: service }), parsed)

  for (const jwtProvision of [true, false]) {
    it.live(`is good for the erasure alone, on every node, with JWT_PROVISION=${jwtProvision}`, () =>
      Effect.gen(function* () {
        const { server, start, mint, service } = yield* withProvider(keycloak, { jwtProvision })
        yield* request(`${server.url}/users/by-external-id/${uuid}`, {
          method: "PUT",
          headers: { "content-type": "application/json", ...service },
          body: "{}"
        })
        const tokens = [yield* mint(), yield* mint({ iat: undefined })]
        const { id } = parsed(yield* me(server.url, tokens[0]!))

        assert.strictEqual((yield* erase(server.url, id, tokens[0]!)).status, 202)

        const other = yield* start
        for (const { url } of [server, other]) {
          for (const token of tokens) {
            yield* refusedAt(url, token)
            assert.include([202, 204], (yield* erase(url, id, token)).status)
          }
          assert.deepEqual(yield* usersOf(url, service), [])
        }
      })
    )
  }

  it.live("that was issued after the erasure makes a new user, at once", () =>
    Effect.gen(function* () {
      const { server, mint, service } = yield* withProvider(keycloak, { jwtProvision: true })
      const old = yield* mint()
      const { id } = parsed(yield* me(server.url, old))
      assert.strictEqual((yield* erase(server.url, id, old)).status, 202)

      const anew = yield* me(server.url, yield* mint({ iat: seconds() + 5 }))

      assert.strictEqual(anew.status, 200, anew.body)
      assert.include(parsed(anew), { external_id: uuid, username: "alice" })
      assert.notStrictEqual(parsed(anew).id, id)
      assert.deepEqual(
        (yield* usersOf(server.url, service)).map((user: { readonly id: number }) => user.id),
        [parsed(anew).id]
      )
    })
  )

  it.live("who was suspended makes no new user, until the application makes it", () =>
    Effect.gen(function* () {
      const { server, start, mint, service } = yield* withProvider(keycloak, { jwtProvision: true })
      const old = yield* mint()
      const { id } = parsed(yield* me(server.url, old))
      const suspended = yield* request(`${server.url}/users/${id}/suspension`, {
        method: "PUT",
        headers: service
      })
      assert.strictEqual(suspended.status, 200, suspended.body)
      assert.strictEqual((yield* erase(server.url, id, old)).status, 202)

      const later = yield* mint({ iat: seconds() + 5 })
      const other = yield* start
      for (const { url } of [server, other]) {
        for (const token of [old, later]) yield* refusedAt(url, token)
        assert.deepEqual(yield* usersOf(url, service), [])
      }
      const made = yield* request(`${server.url}/users/by-external-id/${uuid}`, {
        method: "PUT",
        headers: { "content-type": "application/json", ...service },
        body: "{}"
      })
      assert.deepEqual(parsed(yield* me(server.url, later)), parsed(made))
    })
  )
})
