import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Option, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { exportJWK, generateKeyPair, type JWK } from "jose"
import { vi } from "vitest"
import type { Settings } from "../../src/AppConfig.ts"
import { Tokens } from "../../src/access/Tokens.ts"
import type { Credential } from "../../src/domain/Caller.ts"
import { keyEndpoint } from "../security/support/KeyEndpoint.ts"
import { AUDIENCE, claims, ISSUER, makeKeys, sign } from "../security/support/Tokens.ts"
import { settings } from "../support/Services.ts"

const SECRET = "a secret of at least thirty-two bytes"
const secretKey = new TextEncoder().encode(SECRET)
const withSecret = { jwtSecret: Option.some(Redacted.make(SECRET)) }

/** How a server with these settings takes tokens. */
const tokensWith = (given: Partial<Settings>) =>
  Effect.map(
    Layer.build(Layer.provide(Tokens.layer, settings({ auth: "required", ...given }))),
    Context.get(Tokens)
  )

const alice = (expiresAt?: number): Credential => ({
  caller: { _tag: "Member", userId: 1 as never },
  expiresAt
})

describe("a token signed with the secret", () => {
  const verify = Effect.fnUntraced(function* (
    payload: Parameters<typeof sign>[1],
    given: Partial<Settings> = {}
  ) {
    const tokens = yield* tokensWith({ ...withSecret, ...given })
    return yield* tokens.verify(yield* sign(secretKey, payload, { alg: "HS256" }))
  })

  it.effect("names its user, and when it expires", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* verify({ sub: "1", exp: 60 }), alice(60))
      assert.deepStrictEqual(yield* verify({ sub: "1" }), alice())
    })
  )

  it.effect("is good for 30 seconds after it expired, and no longer", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust("89 seconds")
      assert.deepStrictEqual(yield* verify({ sub: "1", exp: 60 }), alice(60))
      yield* TestClock.adjust("1 seconds")
      assert.strictEqual((yield* Effect.flip(verify({ sub: "1", exp: 60 }))).message, "The token has expired")
    })
  )

  it.effect("is good 30 seconds before its time, and no earlier", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* verify({ sub: "1", nbf: 30 }), alice())
      const { message } = yield* Effect.flip(verify({ sub: "1", nbf: 31 }))
      assert.strictEqual(message, 'The token\'s claim "nbf" is not accepted')
    })
  )

  it.effect("acts for anyone with the scope service, among others or alone, whatever its subject", () =>
    Effect.gen(function* () {
      for (const payload of [
        { scope: "service" },
        { scope: "read service write" },
        { scope: "service", sub: "backend" }
      ]) {
        assert.deepStrictEqual((yield* verify(payload)).caller, { _tag: "Service" })
      }
      for (const scope of ["services", "service:read", "SERVICE", ["service"], { service: true }, 1]) {
        assert.deepStrictEqual((yield* verify({ sub: "1", scope })).caller, alice().caller, String(scope))
      }
    })
  )

  it.effect("is refused without a subject that is a user id", () =>
    Effect.gen(function* () {
      for (const sub of [
        undefined,
        "",
        "0",
        "-1",
        "1.0",
        "01",
        " 1",
        "1e3",
        "alice",
        "99999999999",
        1,
        ["1"]
      ]) {
        const { message } = yield* Effect.flip(verify(sub === undefined ? {} : { sub: sub as string }))
        assert.match(message, /sub|not valid/, String(sub))
      }
    })
  )

  it.effect("needs the issuer and the audience, when the server names them", () =>
    Effect.gen(function* () {
      const named = { jwtIssuer: Option.some(ISSUER), jwtAudience: Option.some(AUDIENCE) }
      const good = { sub: "1", iss: ISSUER, aud: ["another", AUDIENCE] }
      assert.deepStrictEqual(yield* verify(good, named), alice())
      for (const payload of [
        { ...good, iss: `${ISSUER}/` },
        { ...good, aud: "another" },
        { sub: "1", iss: ISSUER },
        { sub: "1", aud: AUDIENCE }
      ]) {
        assert.match(
          (yield* Effect.flip(verify(payload, named))).message,
          /claim "(iss|aud)" is not accepted/
        )
      }
    })
  )

  it.effect("is refused when another secret or algorithm signed it", () =>
    Effect.gen(function* () {
      const { verify } = yield* tokensWith(withSecret)
      const { mint } = yield* makeKeys()
      const refused = [
        yield* sign(new TextEncoder().encode(`${SECRET}!`), { sub: "1" }, { alg: "HS256" }),
        yield* sign(new TextEncoder().encode(SECRET.repeat(2)), { sub: "1" }, { alg: "HS512" }),
        yield* mint()
      ]
      for (const token of refused) {
        assert.strictEqual((yield* Effect.flip(verify(token))).message, "The token is not valid")
      }
    })
  )
})

describe("a token signed with a private key", () => {
  for (const alg of ["RS256", "ES256", "EdDSA"]) {
    it.live(`is good for ${alg}, the public key given with its line breaks or on one line`, () =>
      Effect.gen(function* () {
        const { pem, settings, mint } = yield* makeKeys(alg)
        for (const key of [pem, pem.trim().replaceAll("\n", "\\n")]) {
          const { verify } = yield* tokensWith({ ...settings, jwtPublicKey: Option.some(key) })
          assert.deepStrictEqual((yield* verify(yield* mint())).caller, alice().caller)
        }
      })
    )
  }

  it.live("is refused for another algorithm of the same key", () =>
    Effect.gen(function* () {
      const { pem, settings, privateKey } = yield* makeKeys("RS256")
      const { verify } = yield* tokensWith(settings)
      const { subtle } = globalThis.crypto
      const pkcs8 = yield* Effect.promise(() => subtle.exportKey("pkcs8", privateKey))
      const forHash = (name: string, hash: string) =>
        Effect.promise(() => subtle.importKey("pkcs8", pkcs8, { name, hash }, false, ["sign"]))
      const refused = [
        yield* sign(yield* forHash("RSASSA-PKCS1-v1_5", "SHA-512"), claims(), { alg: "RS512" }),
        yield* sign(yield* forHash("RSA-PSS", "SHA-256"), claims(), { alg: "PS256" }),
        yield* sign(new TextEncoder().encode(pem), claims(), { alg: "HS256" })
      ]
      for (const token of refused) {
        assert.strictEqual((yield* Effect.flip(verify(token))).message, "The token is not valid")
      }
    })
  )
})

describe("a token whose key is behind JWT_JWKS_URL", () => {
  const makeJwk = Effect.fnUntraced(function* (alg: string, kid: string) {
    const { privateKey, publicKey } = yield* Effect.promise(() => generateKeyPair(alg, { extractable: true }))
    const jwk: JWK = { ...(yield* Effect.promise(() => exportJWK(publicKey))), kid, alg }
    return { jwk, mint: () => sign(privateKey, claims(), { alg, kid }) }
  })

  const later = (milliseconds: number) =>
    Effect.acquireRelease(
      Effect.sync(() => vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + milliseconds })),
      () => Effect.sync(() => vi.useRealTimers())
    )

  it.live("is good for each kind of key, all fetched at once", () =>
    Effect.gen(function* () {
      const keys = yield* Effect.forEach(["RS256", "ES256", "EdDSA"], (alg) => makeJwk(alg, alg))
      const endpoint = yield* keyEndpoint(keys.map(({ jwk }) => jwk))
      const { verify } = yield* tokensWith({ jwtJwksUrl: Option.some(endpoint.url) })
      for (const { mint } of keys)
        assert.deepStrictEqual((yield* verify(yield* mint())).caller, alice().caller)
      assert.strictEqual(endpoint.fetches(), 1)
    })
  )

  it.live("is good for a key that came later, at most one fetch in ten seconds", () =>
    Effect.gen(function* () {
      const [first, second] = yield* Effect.all([makeJwk("ES256", "first"), makeJwk("ES256", "second")])
      const endpoint = yield* keyEndpoint([first.jwk])
      const { verify } = yield* tokensWith({ jwtJwksUrl: Option.some(endpoint.url) })
      yield* verify(yield* first.mint())

      endpoint.answer([first.jwk, second.jwk])
      const token = yield* second.mint()
      assert.strictEqual((yield* Effect.flip(verify(token)))._tag, "InvalidToken")
      assert.strictEqual(endpoint.fetches(), 1)
      yield* later(11_000)
      assert.deepStrictEqual((yield* verify(token)).caller, alice().caller)
      assert.strictEqual(endpoint.fetches(), 2)
    })
  )

  for (const broken of ["no JSON", "no key set", "an error", "nothing"] as const) {
    it.live(
      `keeps its known keys while the endpoint answers ${broken}, and a new one is not to be judged`,
      () =>
        Effect.gen(function* () {
          const [known, unknown] = yield* Effect.all([makeJwk("ES256", "known"), makeJwk("ES256", "unknown")])
          const endpoint = yield* keyEndpoint([known.jwk])
          const { verify } = yield* tokensWith({ jwtJwksUrl: Option.some(endpoint.url) })
          yield* verify(yield* known.mint())

          yield* endpoint.break(broken)
          yield* later(3_600_000)
          assert.deepStrictEqual((yield* verify(yield* known.mint())).caller, alice().caller)
          assert.strictEqual((yield* Effect.flip(verify(yield* unknown.mint())))._tag, "Unavailable")
        })
    )
  }

  it.live("is not to be judged before the keys were ever there", () =>
    Effect.gen(function* () {
      const { jwk, mint } = yield* makeJwk("ES256", "key")
      const endpoint = yield* keyEndpoint([jwk])
      yield* endpoint.break("an error")
      const { verify } = yield* tokensWith({ jwtJwksUrl: Option.some(endpoint.url) })
      const token = yield* mint()
      assert.strictEqual((yield* Effect.flip(verify(token)))._tag, "Unavailable")
      endpoint.answer([jwk])
      assert.deepStrictEqual((yield* verify(token)).caller, alice().caller)
    })
  )

  it.live("is refused when a secret among the keys signed it", () =>
    Effect.gen(function* () {
      const jwk: JWK = {
        kty: "oct",
        k: Buffer.from(secretKey).toString("base64url"),
        kid: "secret",
        alg: "HS256"
      }
      const endpoint = yield* keyEndpoint([jwk])
      const { verify } = yield* tokensWith({ jwtJwksUrl: Option.some(endpoint.url) })
      const token = yield* sign(secretKey, claims(), { alg: "HS256", kid: "secret" })
      assert.strictEqual((yield* Effect.flip(verify(token)))._tag, "InvalidToken")
    })
  )
})

it.effect("without authentication no token is looked at, and everyone is anyone", () =>
  Effect.gen(function* () {
    const tokens = yield* tokensWith({ auth: "open" })
    for (const token of [undefined, "", "nonsense"]) {
      assert.deepStrictEqual(yield* tokens.verify(token), {
        caller: { _tag: "Anyone" },
        expiresAt: undefined
      })
    }
  })
)

describe("several keys at once", () => {
  const NEW = "the new secret which has more than thirty-two bytes"
  const OLD = "the old secret which has more than thirty-two bytes"
  const signedWith = (secret: string, payload: Parameters<typeof sign>[1] = { sub: "1" }) =>
    sign(new TextEncoder().encode(secret), payload, { alg: "HS256" })
  const tokensOf = (jwtSecret: string) => tokensWith({ jwtSecret: Option.some(Redacted.make(jwtSecret)) })

  it.effect.each([`${NEW},${OLD}`, `${NEW}\n${OLD}\n`, `${NEW}\\n${OLD}`, ` ${NEW} , ${OLD} `])(
    "each secret of JWT_SECRET verifies, and no other: %j",
    (secrets) =>
      Effect.gen(function* () {
        const { verify } = yield* tokensOf(secrets)
        assert.deepStrictEqual(yield* verify(yield* signedWith(NEW)), alice())
        assert.deepStrictEqual(yield* verify(yield* signedWith(OLD)), alice())
        const { message } = yield* Effect.flip(verify(yield* signedWith(SECRET)))
        assert.strictEqual(message, "The token is not valid")
      })
  )

  it.effect("what is wrong with a token is said whichever secret signed it", () =>
    Effect.gen(function* () {
      const { verify } = yield* tokensOf(`${NEW},${OLD}`)
      yield* TestClock.adjust("2 minutes")
      for (const secret of [NEW, OLD]) {
        const { message } = yield* Effect.flip(verify(yield* signedWith(secret, { sub: "1", exp: 1 })))
        assert.strictEqual(message, "The token has expired")
      }
    })
  )

  it.effect("a secret of the time when there was only one may hold commas", () =>
    Effect.gen(function* () {
      for (const secret of ["one, two and three are short parts of one secret", `${NEW},${OLD}`]) {
        const { verify } = yield* tokensOf(secret)
        assert.deepStrictEqual(yield* verify(yield* signedWith(secret)), alice())
      }
      const { verify } = yield* tokensOf("short, and a longer part that has more than 32 bytes")
      yield* Effect.flip(verify(yield* signedWith("and a longer part that has more than 32 bytes")))
    })
  )

  it.effect("each public key of JWT_PUBLIC_KEY verifies, also of different algorithms, and no other", () =>
    Effect.gen(function* () {
      const [first, second, rsa, foreign] = yield* Effect.all([
        makeKeys("ES256"),
        makeKeys("ES256"),
        makeKeys("RS256"),
        makeKeys("ES256")
      ])
      const { verify } = yield* tokensWith({
        ...first.settings,
        jwtPublicKey: Option.some([first.pem, second.pem, rsa.pem].join("\n").replaceAll("\n", "\\n"))
      })
      yield* TestClock.setTime(Date.now())
      for (const { mint } of [first, second, rsa]) {
        assert.strictEqual((yield* verify(yield* mint())).caller._tag, "Member")
      }
      yield* Effect.flip(verify(yield* foreign.mint()))
      yield* Effect.flip(verify(yield* sign(new TextEncoder().encode(first.pem), claims(), { alg: "HS256" })))
    })
  )

  it.effect("one of several public keys that is none is named by its place", () =>
    Effect.gen(function* () {
      const { pem } = yield* makeKeys("ES256")
      const bad = "-----BEGIN PUBLIC KEY-----\nbad\n-----END PUBLIC KEY-----"
      const { message } = yield* Effect.flip(tokensWith({ jwtPublicKey: Option.some(`${pem}\n${bad}`) }))
      assert.match(message, /^JWT_PUBLIC_KEY is not a public key .*: its key number 2$/)
    })
  )
})
