import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { freshEmbedded } from "../support/EmbeddedPool.ts"
import { startServer } from "../support/TestServer.ts"
import { bearer, post, request } from "./support/Server.ts"
import { makeKeys } from "./support/Tokens.ts"

it.live("strangers are limited on public paths, and probes are not", () =>
  Effect.gen(function* () {
    const { settings } = yield* makeKeys()
    const { url } = yield* startServer({ ...(yield* freshEmbedded), ...settings, requestsPerSecond: 2 })
    for (const path of ["/metrics", "/openapi.json", "/docs"]) {
      const answers = yield* Effect.all(
        Array.from({ length: 30 }, () => request(`${url}${path}`)),
        { concurrency: "unbounded" }
      )
      assert.include(
        answers.map(({ status }) => status),
        429,
        path
      )
    }
    for (const path of ["/livez", "/readyz", "/health"]) {
      assert.strictEqual((yield* request(`${url}${path}`)).status, 200)
    }
  })
)

it.live("no cache keeps a private answer, and its tag goes on to save sending it again", () =>
  Effect.gen(function* () {
    const { settings, mint } = yield* makeKeys()
    const { url } = yield* startServer({ ...(yield* freshEmbedded), ...settings })
    const service = bearer(yield* mint({ scope: "service" }))
    yield* post(`${url}/users/`, { username: "alice" }, service)
    const headers = bearer(yield* mint())
    for (const path of [
      "/messages/?user_id=1",
      "/messages/recent/1",
      "/users/1/events?since=0",
      "/users/1"
    ]) {
      const { headers: answered } = yield* request(`${url}${path}`, { headers })
      assert.strictEqual(answered.get("cache-control"), "no-store", path)
      const tag = answered.get("etag")
      if (tag === null) continue
      const again = yield* request(`${url}${path}`, { headers: { ...headers, "if-none-match": tag } })
      assert.strictEqual(again.status, 304)
    }
  })
)
