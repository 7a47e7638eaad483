import { Effect, Option } from "effect"
import { exportSPKI, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from "jose"
import type { Settings } from "../../../src/AppConfig.ts"

export const ISSUER = "https://issuer.example"
export const AUDIENCE = "mini-chat"

const seconds = () => Math.floor(Date.now() / 1000)

/** A token's claims, good for an hour unless they say otherwise. */
export const claims = (changes: JWTPayload = {}): JWTPayload => ({
  sub: "1",
  iss: ISSUER,
  aud: AUDIENCE,
  iat: seconds(),
  exp: seconds() + 3600,
  ...changes
})

type Key = Parameters<SignJWT["sign"]>[0]

export const sign = (
  key: Key,
  payload: JWTPayload,
  header: { readonly alg: string; readonly kid?: string }
) => Effect.promise(() => new SignJWT(payload).setProtectedHeader(header).sign(key))

/** A pair of keys, and how a server is told of the public one. */
export const makeKeys = Effect.fnUntraced(function* (alg: string = "ES256") {
  const { privateKey, publicKey } = yield* Effect.promise(() => generateKeyPair(alg, { extractable: true }))
  const pem = yield* Effect.promise(() => exportSPKI(publicKey))
  const settings = {
    auth: "required",
    jwtPublicKey: Option.some(pem),
    jwtIssuer: Option.some(ISSUER),
    jwtAudience: Option.some(AUDIENCE)
  } satisfies Partial<Settings>
  const mint = (changes: JWTPayload = {}) => sign(privateKey, claims(changes), { alg })
  return { privateKey, publicKey, pem, settings, mint }
})

export type Keys = Effect.Success<ReturnType<typeof makeKeys>>

/** The claims of a token replaced, under the signature of the ones it had. */
const forge = (token: string, payload: JWTPayload): string => {
  const [header, , signature] = token.split(".")
  return `${header}.${Buffer.from(JSON.stringify(payload)).toString("base64url")}.${signature}`
}

/** Tokens that no server takes, each wrong in one way, all claiming everything. */
export const badTokens = Effect.fnUntraced(function* ({ mint, pem, privateKey }: Keys) {
  const service = { scope: "service" }
  const signedWithPublicKey = yield* sign(new TextEncoder().encode(pem), claims(service), { alg: "HS256" })
  const good = yield* mint()
  return {
    expired: yield* mint({ ...service, exp: seconds() - 60 }),
    "not yet valid": yield* mint({ ...service, nbf: seconds() + 300 }),
    "of another issuer": yield* mint({ ...service, iss: "https://evil.example" }),
    "for another audience": yield* mint({ ...service, aud: "another-app" }),
    "without an issuer": yield* sign(privateKey, { sub: "1", aud: AUDIENCE, ...service }, { alg: "ES256" }),
    "without a signature (alg none)": new UnsecuredJWT(claims(service)).encode(),
    "signed with the public key as an HS256 secret": signedWithPublicKey,
    "with its claims replaced": forge(good, claims(service)),
    "with its signature cut off": good.slice(0, good.lastIndexOf(".") + 1),
    "of another key": yield* Effect.flatMap(makeKeys(), (other) => other.mint(service)),
    "without a user id": yield* mint({ sub: "alice" }),
    "that is no token": "abc"
  }
})
