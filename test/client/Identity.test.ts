import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { connect } from "../../src/client/Client.ts"
import { type ClientStorage, memoryStorage } from "../../src/client/Storage.ts"
import { providers, withProvider } from "../security/support/Providers.ts"
import { freshEmbedded } from "../support/EmbeddedPool.ts"
import { startServer } from "../support/TestServer.ts"
import { isOnline, openClient } from "./support/Clients.ts"

const me = { userId: undefined }
const unused = { id: 0 }

describe("without a user id the client", { timeout: 60_000 }, () => {
  it.live.each(["Auth0", "Supabase"] as const)("asks whose the token of %s is, and is that user's", (name) =>
    Effect.gen(function* () {
      const { server, mint } = yield* withProvider(providers[name], { jwtProvision: true })
      const bob = yield* openClient(server, unused, { ...me, token: yield* mint({ sub: "bob" }) })
      const alice = yield* openClient(server, unused, { ...me, token: yield* mint() })
      yield* Effect.all([alice.until(isOnline), bob.until(isOnline)])
      assert.notStrictEqual(alice.state().userId, bob.state().userId)
      const { client_id } = yield* alice.send({ userId: bob.state().userId }, "hello")
      const message = yield* alice.acknowledged(client_id)
      assert.deepInclude(message, { sender_id: alice.state().userId, content: "hello" })
      yield* bob.until(({ order }) => order.length === 1)
    })
  )

  it.live("takes the claim that JWT_USER_CLAIM names, and asks for another token when one has expired", () =>
    Effect.gen(function* () {
      const claim = "https://example.com/user"
      const settings = { jwtProvision: true, jwtUserClaim: claim }
      const { server, mint } = yield* withProvider(providers.Auth0, settings)
      const tokens = [
        yield* mint({ [claim]: "alice", exp: 1_700_000_000 }),
        yield* mint({ [claim]: "alice" })
      ]
      const alice = yield* openClient(server, unused, { ...me, token: () => tokens.shift()! })
      yield* alice.until(isOnline)
      const again = yield* openClient(server, unused, { ...me, token: yield* mint({ [claim]: "alice" }) })
      assert.strictEqual(again.state().userId, alice.state().userId)
    })
  )

  it.live(
    "says why there is none: a token that is refused, of nobody, or of the application; or no token",
    () =>
      Effect.gen(function* () {
        const { server, mint } = yield* withProvider(providers.Firebase)
        const refusalOf = (url: string, token?: string) =>
          Effect.promise(() => connect({ url, token }).then(() => "connected", String))
        const expired = yield* mint({ exp: 1_700_000_000 })
        assert.strictEqual(yield* refusalOf(server.url, expired), "Refused: The token has expired")
        assert.match(yield* refusalOf(server.url, yield* mint()), /^Refused: No user has the token's "sub"/)
        assert.match(
          yield* refusalOf(server.url, yield* mint({ scope: "service" })),
          /^Refused: Only a user's token/
        )
        const open = yield* startServer(yield* freshEmbedded)
        assert.match(yield* refusalOf(open.url), /^Refused: Only a user's token/)
        assert.match(
          yield* refusalOf("http://127.0.0.1:9"),
          /^Unreachable: http:\/\/127.0.0.1:9 does not answer/
        )
      })
  )

  it.live("connects without the network once the application has stored the id", () =>
    Effect.gen(function* () {
      const { server, mint } = yield* withProvider(providers.Keycloak, { jwtProvision: true })
      const storage: ClientStorage = memoryStorage()
      const first = yield* openClient(server, unused, { ...me, token: yield* mint(), storage })
      yield* first.until((state) => isOnline(state) && state.list.isLoaded)
      yield* first.save
      const id = first.state().userId
      const offline = yield* openClient({ url: "http://127.0.0.1:9" }, { id }, { token: "any", storage })
      assert.strictEqual(offline.state().userId, id)
      assert.isTrue(offline.state().list.isLoaded)
    })
  )
})
