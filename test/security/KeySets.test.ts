import { createServer, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { assert, it } from "@effect/vitest"
import { Context, Duration, Effect, Layer, Logger, Option } from "effect"
import { exportJWK } from "jose"
import { Tokens } from "../../src/access/Tokens.ts"
import { RateLimited } from "../../src/domain/Caller.ts"
import { settings } from "../support/Services.ts"
import { keyEndpoint } from "./support/KeyEndpoint.ts"
import { AUDIENCE, ISSUER, makeKeys } from "./support/Tokens.ts"

const bound = { jwtIssuer: Option.some(ISSUER), jwtAudience: Option.some(AUDIENCE) }

const tokensAt = (url: string, more: Parameters<typeof settings>[0] = bound) =>
  Effect.map(
    Layer.build(
      Layer.provide(Tokens.layer, settings({ auth: "required", jwtJwksUrl: Option.some(url), ...more }))
    ),
    Context.get(Tokens)
  )

/** An endpoint that answers as it likes. */
const endpoint = (answer: (response: ServerResponse) => void) =>
  Effect.acquireRelease(
    Effect.callback<ReturnType<typeof createServer>>((resume) => {
      const server = createServer((_, response) => answer(response))
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      })
  ).pipe(Effect.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`))

it.live("a call is taken from its rate before it waits for the keys of an endpoint that hangs", () =>
  Effect.gen(function* () {
    const { mint } = yield* makeKeys()
    const { verify } = yield* tokensAt(yield* endpoint(() => {}))
    const exhausted = Effect.fail(new RateLimited({ retryAfter: Duration.seconds(1) }))
    const failure = yield* Effect.flip(verify(yield* mint(), exhausted))
    assert.strictEqual(failure._tag, "RateLimited")
  })
)

it.live("no more than 1 MB of keys is read", () =>
  Effect.gen(function* () {
    const { mint, publicKey } = yield* makeKeys()
    const keys = JSON.stringify({ keys: [yield* Effect.promise(() => exportJWK(publicKey))] })
    const sized = (bytes: number) =>
      Effect.flatMap(
        endpoint((response) => {
          response.writeHead(200, { "content-type": "application/json" })
          response.end(" ".repeat(bytes - keys.length) + keys)
        }),
        tokensAt
      )
    const small = yield* sized(1024 * 1024)
    yield* small.verify(yield* mint())
    const large = yield* sized(1024 * 1024 + 1)
    assert.strictEqual((yield* Effect.flip(large.verify(yield* mint())))._tag, "Unavailable")
  })
)

it.live("of several keys without an id, each that fits is tried", () =>
  Effect.gen(function* () {
    const keys = yield* Effect.all([makeKeys(), makeKeys(), makeKeys()])
    const jwks = yield* Effect.forEach(keys, ({ publicKey }) => Effect.promise(() => exportJWK(publicKey)))
    const { url } = yield* keyEndpoint(jwks)
    const { verify } = yield* tokensAt(url)
    for (const { mint } of keys) {
      assert.deepStrictEqual((yield* verify(yield* mint())).caller, { _tag: "Member", userId: 1 } as never)
    }
    const stranger = yield* makeKeys()
    assert.strictEqual((yield* Effect.flip(verify(yield* stranger.mint())))._tag, "InvalidToken")
  })
)

it.live("a key endpoint without issuer and audience is warned of", () =>
  Effect.gen(function* () {
    const logged: Array<string> = []
    const logger = Logger.make(({ message }) => logged.push(String(message)))
    const { url } = yield* keyEndpoint([])
    const warnings = (more: Parameters<typeof settings>[0]) =>
      tokensAt(url, more).pipe(
        Effect.provide(Logger.layer([logger])),
        Effect.map(() => logged.splice(0).filter((line) => line.includes("JWT_ISSUER")).length)
      )
    assert.strictEqual(yield* warnings({}), 1)
    assert.strictEqual(yield* warnings(bound), 0)
  })
)
