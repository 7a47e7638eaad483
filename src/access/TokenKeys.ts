import { Effect, Option, Redacted, Schema } from "effect"
import { type CryptoKey, errors, importSPKI, type JWTVerifyGetKey } from "jose"
import type { Settings } from "../AppConfig.ts"
import { parseSecrets, SECRET_BYTES } from "../settings/JwtSecrets.ts"
import { fetchedKeys } from "./FetchedKeys.ts"

/** `AUTH=required` without a key, with several, or with a text that is not a key. */
export class TokenKeyError extends Schema.TaggedError<TokenKeyError>()("TokenKeyError", {
  message: Schema.String
}) {}

const SIGNED_BY_KEY_PAIR = ["RS256", "ES256", "EdDSA"]

/**
 * The keys that the settings name, and the algorithms that a token may be signed with. For keys at a URL there is `fetched`: it
 * fetches them again for a token whose key is not cached.
 */
export const keysOf = Effect.fnUntraced(function* ({
  jwtSecret,
  jwtPublicKey,
  jwtJwksUrl,
  jwtIssuer,
  jwtAudience
}: Settings) {
  const given = [jwtSecret, jwtPublicKey, jwtJwksUrl].filter(({ _tag }) => _tag === "Some").length
  if (given !== 1) {
    return yield* new TokenKeyError({
      message: `AUTH=required needs exactly one of JWT_SECRET, JWT_PUBLIC_KEY and JWT_JWKS_URL; ${given} are set`
    })
  }
  if (Option.isSome(jwtSecret)) {
    const { all, holdsSeparator } = parseSecrets(Redacted.value(jwtSecret.value))
    if (holdsSeparator) {
      yield* Effect.logWarning(
        `JWT_SECRET is taken as one secret: what is between its commas or line breaks has less than ${SECRET_BYTES} bytes`
      )
    }
    return { key: anyOf(yield* Effect.forEach(all, importSecret)), fetched: undefined, algorithms: ["HS256"] }
  }
  if (Option.isSome(jwtPublicKey)) {
    // A value in an environment file is one line: the line breaks of a PEM may be written as \n.
    const text = jwtPublicKey.value.replaceAll("\\n", "\n")
    const keys = yield* Effect.forEach(text.match(PEM) ?? [text], importPublicKey)
    return { key: anyOf(keys), fetched: undefined, algorithms: SIGNED_BY_KEY_PAIR }
  }
  if (Option.isNone(jwtIssuer) || Option.isNone(jwtAudience)) {
    yield* Effect.logWarning(
      "JWT_JWKS_URL is set without JWT_ISSUER and JWT_AUDIENCE: a token that the same issuer made for another application is accepted. Set both"
    )
  }
  return { ...(yield* fetchedKeys(Option.getOrThrow(jwtJwksUrl))), algorithms: SIGNED_BY_KEY_PAIR }
})

/** One key of those that `JWT_PUBLIC_KEY` may hold, one after another. */
const PEM = /-----BEGIN [^-]+-----[^-]+-----END [^-]+-----/g

const importSecret = (secret: string) =>
  Effect.map(
    Effect.promise(() =>
      crypto.subtle.importKey("raw", new TextEncoder().encode(secret), HMAC_SHA_256, false, ["verify"])
    ),
    (key): TokenKey => ({ algorithm: "HS256", key })
  )

const HMAC_SHA_256 = { name: "HMAC", hash: "SHA-256" }

const importPublicKey = (pem: string, index: number) =>
  Effect.firstSuccessOf(
    SIGNED_BY_KEY_PAIR.map((algorithm) =>
      Effect.map(
        Effect.tryPromise(() => importSPKI(pem, algorithm)),
        (key): TokenKey => ({ algorithm, key })
      )
    )
  ).pipe(
    Effect.mapError(
      () =>
        new TokenKeyError({
          message: `JWT_PUBLIC_KEY is not a public key in PEM form (-----BEGIN PUBLIC KEY-----) for RS256, ES256 or EdDSA${index === 0 ? "" : `: its key number ${index + 1}`}`
        })
    )
  )

/** A key, and the one algorithm that it is for. */
interface TokenKey {
  readonly algorithm: string
  readonly key: CryptoKey
}

/** Finds the keys for a token's algorithm. Throws several keys as `JWKSMultipleMatchingKeys`, as jose does for a key set. */
const anyOf =
  (keys: ReadonlyArray<TokenKey>): JWTVerifyGetKey =>
  ({ alg }) => {
    const fitting = keys.filter(({ algorithm }) => algorithm === alg)
    if (fitting.length === 0) return Promise.reject(new errors.JWKSNoMatchingKey())
    if (fitting.length === 1) return Promise.resolve(fitting[0]!.key)
    const several = new errors.JWKSMultipleMatchingKeys()
    several[Symbol.asyncIterator] = async function* () {
      for (const { key } of fitting) yield key
    }
    return Promise.reject(several)
  }
