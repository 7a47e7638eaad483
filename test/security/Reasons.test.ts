import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { startProcess } from "../support/ServerProcess.ts"
import { freshDataDir } from "../support/Services.ts"
import { exchange, statusOf } from "./support/RawSocket.ts"
import { bearer, request } from "./support/Server.ts"

const SECRET = "a secret of at least thirty-two bytes"

const started = Effect.fnUntraced(function* (settings: Readonly<Record<string, string>>) {
  const { dataDir } = yield* freshDataDir
  const server = yield* startProcess({ DATA_DIR: dataDir, ...settings })
  const url = yield* server.listening
  /** How often the server logged this. */
  const count = (pattern: RegExp) => [...server.output().matchAll(new RegExp(pattern, "g"))].length
  return { ...server, url, port: Number(new URL(url).port), count }
})

describe("the log has the reason, once and in one line, of", () => {
  it.live("a handshake whose Upgrade header a proxy dropped", () =>
    Effect.gen(function* () {
      const { url, logged, count } = yield* started({})
      const headers = { "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==", "sec-websocket-version": "13" }
      for (let i = 0; i < 3; i++) {
        assert.strictEqual((yield* request(`${url}/ws/1`, { headers })).status, 426)
      }
      yield* logged(/came without its Upgrade header/)
      assert.strictEqual(count(/came without its Upgrade header/), 1)
    })
  )

  it.live("headers that are too large, which are answered with a sentence", () =>
    Effect.gen(function* () {
      const { port, logged, count } = yield* started({})
      const large = `GET /livez HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${"a".repeat(20_000)}\r\n\r\n`
      for (let i = 0; i < 3; i++) {
        const answer = yield* exchange(port, large)
        assert.strictEqual(statusOf(answer), 431)
        assert.include(answer, "the token, or a cookie, is too long")
      }
      yield* logged(/answered 431/)
      assert.strictEqual(count(/answered 431/), 1)
    })
  )

  it.live("a request that is none, which is answered 400", () =>
    Effect.gen(function* () {
      const { port } = yield* started({})
      assert.strictEqual(statusOf(yield* exchange(port, "HELLO\r\n\r\n")), 400)
    })
  )

  it.live("a proxy that is not trusted, whose clients share one rate", () =>
    Effect.gen(function* () {
      const { url, logged, count } = yield* started({
        RATE_LIMITS: "on",
        REQUESTS_PER_SECOND: "1",
        AUTH: "required",
        JWT_SECRET: SECRET
      })
      const ask = (headers: Record<string, string>) => request(`${url}/users/`, { headers })
      for (let i = 0; i < 4; i++) yield* ask({})
      assert.strictEqual(count(/TRUSTED_PROXIES/), 0)
      for (let i = 0; i < 4; i++) yield* ask({ "x-forwarded-for": `203.0.113.${i}` })
      yield* logged(/TRUSTED_PROXIES/)
      assert.strictEqual(count(/TRUSTED_PROXIES/), 1)
    })
  )

  it.live("each request and each refused token, at Debug and without the token", () =>
    Effect.gen(function* () {
      const { url, logged, output } = yield* started({
        AUTH: "required",
        JWT_SECRET: SECRET,
        LOG_LEVEL: "Debug"
      })
      yield* request(`${url}/users/?limit=3`, { headers: bearer("not.a.token") })
      yield* logged(/A request of 127\.0\.0\.1 was refused: The token is not valid/)
      yield* logged(/GET \/users\/ 401 in \d+ ms/)
      assert.notInclude(output(), "not.a.token")
      assert.notInclude(output(), "limit=3")
    })
  )
})
