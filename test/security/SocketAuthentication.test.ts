import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { freshEmbedded } from "../support/EmbeddedPool.ts"
import { startServer, type TestServer } from "../support/TestServer.ts"
import { openSocket } from "../support/TestSocket.ts"
import { webSocketHandshake } from "./support/RawSocket.ts"
import { allSocketsClosed, bearer, openSockets, post } from "./support/Server.ts"
import { badTokens, type Keys, makeKeys } from "./support/Tokens.ts"

const ALICE = 1
const BOB = 2

const now = () => Math.floor(Date.now() / 1000)

class Guarded extends Context.Service<
  Guarded,
  { readonly server: TestServer; readonly keys: Keys; readonly bad: Readonly<Record<string, string>> }
>()("minichat/test/security/GuardedSockets") {
  static readonly layer = Layer.effect(
    Guarded,
    Effect.gen(function* () {
      const keys = yield* makeKeys()
      const server = yield* startServer({ ...(yield* freshEmbedded), ...keys.settings, rateLimits: "off" })
      const service = bearer(yield* keys.mint({ scope: "service" }))
      for (const username of ["alice", "bob"]) yield* post(`${server.url}/users/`, { username }, service)
      return Guarded.of({ server, keys, bad: yield* badTokens(keys) })
    })
  )
}

const refusedWith = (
  { webSocketUrl }: TestServer,
  path: string,
  options?: Parameters<typeof openSocket>[1]
) => Effect.flip(openSocket(webSocketUrl + path, options))

layer(Guarded.layer, { excludeTestServices: true, timeout: "60 seconds" })(
  "a socket, with AUTH=required",
  (it) => {
    it.effect(
      "may come with any origin when its good token is in Authorization, where no page can put it",
      () =>
        Effect.gen(function* () {
          const { server, keys } = yield* Guarded
          const token = yield* keys.mint({ sub: String(ALICE) })
          const origin = { origin: "https://evil.example" }
          const { nextOf } = yield* openSocket(`${server.webSocketUrl}/ws/${ALICE}`, {
            headers: { ...origin, ...bearer(token) }
          })
          yield* nextOf("system")

          const inProtocol = yield* refusedWith(server, `/ws/${ALICE}`, {
            headers: origin,
            protocols: ["minichat.v2", `bearer.${token}`]
          })
          const bad = yield* refusedWith(server, `/ws/${ALICE}`, { headers: { ...origin, ...bearer("abc") } })
          const foreign = yield* refusedWith(server, `/ws/${BOB}`, {
            headers: { ...origin, ...bearer(token) }
          })
          assert.deepEqual([inProtocol.status, bad.status, foreign.status], [403, 401, 403])
        }).pipe(Effect.scoped)
    )

    it.effect("is refused before the upgrade without a token and with every bad one", () =>
      Effect.gen(function* () {
        const { server, bad } = yield* Guarded
        const refusals = [
          yield* refusedWith(server, `/ws/${ALICE}`),
          yield* refusedWith(server, `/ws/${ALICE}`, { protocols: ["minichat.v2"] })
        ]
        for (const token of Object.values(bad)) {
          refusals.push(yield* refusedWith(server, `/ws/${ALICE}`, { headers: bearer(token) }))
          // An empty part has no place in a subprotocol: such a client could not even ask.
          if (token.endsWith(".")) continue
          const protocols = ["minichat.v2", `bearer.${token}`]
          refusals.push(yield* refusedWith(server, `/ws/${ALICE}`, { protocols }))
        }
        for (const { status, headers, body } of refusals) {
          assert.strictEqual(status, 401)
          assert.strictEqual(headers["www-authenticate"], "Bearer")
          assert.propertyVal(JSON.parse(body), "type", "urn:minichat:problem:unauthorized")
        }
        assert.strictEqual(yield* openSockets(server), 0)
      })
    )

    it.effect("of another user is refused with 403, by header and by subprotocol", () =>
      Effect.gen(function* () {
        const { server, keys } = yield* Guarded
        const token = yield* keys.mint({ sub: String(BOB) })
        const byHeader = yield* refusedWith(server, `/ws/${ALICE}`, { headers: bearer(token) })
        const protocols = ["minichat.v2", `bearer.${token}`]
        const bySubprotocol = yield* refusedWith(server, `/ws/${ALICE}`, { protocols })
        assert.deepStrictEqual([byHeader.status, bySubprotocol.status], [403, 403])
      })
    )

    it.effect("opens for its user and for the application's backend", () =>
      Effect.gen(function* () {
        const { server, keys } = yield* Guarded
        for (const claims of [{ sub: String(ALICE) }, { scope: "service" }, { scope: "chat service" }]) {
          const headers = bearer(yield* keys.mint(claims))
          const socket = yield* openSocket(`${server.webSocketUrl}/ws/${ALICE}`, { headers })
          assert.include(yield* socket.next, { type: "system", user_id: ALICE })
        }
      })
    )

    it.effect("takes the token as a subprotocol, in either place, and never echoes it", () =>
      Effect.gen(function* () {
        const { server, keys } = yield* Guarded
        const token = yield* keys.mint()
        for (const offered of [
          `minichat.v2, bearer.${token}`,
          `bearer.${token}, minichat.v2`,
          `bearer.${token},minichat.v1,minichat.v2`
        ]) {
          const socket = yield* webSocketHandshake(server.port, `/ws/${ALICE}`, {
            "Sec-WebSocket-Protocol": offered
          })
          const head = yield* socket.head
          assert.match(head, /^HTTP\/1\.1 101 /)
          assert.match(head, /\r\nSec-WebSocket-Protocol: minichat\.v2\r\n/i)
          assert.notInclude(head, token)
        }
        const alone = yield* webSocketHandshake(server.port, `/ws/${ALICE}`, {
          "Sec-WebSocket-Protocol": `bearer.${token}`
        })
        const head = yield* alone.head
        assert.match(head, /^HTTP\/1\.1 101 /)
        assert.notMatch(head, /Sec-WebSocket-Protocol/i)
      })
    )

    it.effect("does not take the token from the URL", () =>
      Effect.gen(function* () {
        const { server, keys } = yield* Guarded
        const token = yield* keys.mint()
        const query = `token=${token}&access_token=${token}`
        assert.strictEqual((yield* refusedWith(server, `/ws/${ALICE}?${query}`)).status, 401)
      })
    )

    it.effect("of nobody is closed with 4004", () =>
      Effect.gen(function* () {
        const { server, keys } = yield* Guarded
        const headers = bearer(yield* keys.mint({ scope: "service" }))
        const socket = yield* openSocket(`${server.webSocketUrl}/ws/404`, { headers })
        assert.strictEqual((yield* socket.closed).code, 4004)
      })
    )

    it.effect("is closed with 4001 after its token expired, unless the client renewed it", () =>
      Effect.gen(function* () {
        const { server, keys } = yield* Guarded
        // Good for two seconds more, by the leeway.
        const almostGone = { exp: now() - 28 }
        const open = Effect.flatMap(keys.mint(almostGone), (token) =>
          openSocket(`${server.webSocketUrl}/ws/${ALICE}`, { headers: bearer(token) })
        )
        const [renewed, refused, left] = yield* Effect.all([open, open, open])
        for (const { nextOf } of [renewed, refused, left]) yield* nextOf("system")

        yield* renewed.send({ type: "auth", token: yield* keys.mint() })
        yield* refused.send({ type: "auth", token: yield* keys.mint({ sub: String(BOB) }) })

        assert.include(yield* refused.nextOf("error"), { code: "forbidden" })
        assert.strictEqual((yield* refused.closed).code, 4001)
        assert.strictEqual((yield* left.closed).code, 4001)
        yield* renewed.send({ type: "ping" })
        assert.strictEqual((yield* renewed.next).type, "pong")
      })
    )

    it.effect("stays as it was after a renewal with a bad token", () =>
      Effect.gen(function* () {
        const { server, keys, bad } = yield* Guarded
        const headers = bearer(yield* keys.mint())
        const socket = yield* openSocket(`${server.webSocketUrl}/ws/${ALICE}`, { headers })
        yield* socket.nextOf("system")
        for (const token of [...Object.values(bad), ""]) {
          yield* socket.send({ type: "auth", token })
          const { code, message } = yield* socket.next
          assert.strictEqual(code, "forbidden")
          if (token.length > 3) assert.notInclude(String(message), token)
        }
        yield* socket.send({ type: "ping" })
        assert.strictEqual((yield* socket.next).type, "pong")
      })
    )

    it.effect("leaves nothing behind", () =>
      Effect.flatMap(Guarded, ({ server }) => allSocketsClosed(server))
    )
  }
)
