import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Redacted } from "effect"
import { SignJWT } from "jose"
import { isOnline, openClient } from "../client/support/Clients.ts"
import { freshEmbedded } from "../support/EmbeddedPool.ts"
import { startProcess } from "../support/ServerProcess.ts"
import { startServer } from "../support/TestServer.ts"

const SECRET = "a secret of the test that is long enough"

describe("examples/tokens.ts", () => {
  it.live("lets those who are logged in chat on a server that requires tokens", () =>
    Effect.gen(function* () {
      const backend = yield* startProcess({ JWT_SECRET: SECRET }, [process.execPath, "examples/tokens.ts"])
      const { url } = yield* startServer({
        ...(yield* freshEmbedded),
        auth: "required",
        jwtSecret: Option.some(Redacted.make(SECRET))
      })
      const service = yield* Effect.promise(() =>
        new SignJWT({ scope: "service" })
          .setProtectedHeader({ alg: "HS256" })
          .setExpirationTime("1 minute")
          .sign(new TextEncoder().encode(SECRET))
      )
      const createUser = (username: string) =>
        Effect.promise(async () => {
          const response = await fetch(`${url}/users/`, {
            method: "POST",
            headers: { "content-type": "application/json", authorization: `Bearer ${service}` },
            body: JSON.stringify({ username })
          })
          return (await response.json()) as { readonly id: number }
        })
      const [alice, bob] = yield* Effect.all([createUser("alice"), createUser("bob")])
      const tokens = `${yield* backend.listening}/chat-token`
      const tokenOf = (id: number) => async () =>
        (await fetch(tokens, { headers: { "x-user-id": String(id) } })).text()

      const a = yield* openClient({ url }, alice, { token: tokenOf(alice.id) })
      const b = yield* openClient({ url }, bob, { token: tokenOf(bob.id) })
      yield* Effect.all([a.until(isOnline), b.until(isOnline)])
      const { client_id } = yield* a.send({ userId: bob.id }, "hello")
      yield* a.acknowledged(client_id)
      yield* b.until(({ conversations }) => conversations.size === 1)

      const stranger = yield* openClient({ url }, alice, { token: tokenOf(bob.id) })
      const { status } = yield* stranger.until(({ status }) => status.type === "closed")
      assert.deepInclude(status, { reason: "forbidden" })
      const refused = yield* Effect.promise(() => fetch(tokens))
      assert.strictEqual(refused.status, 404)
    })
  )
})
