import { Clock, Context, Effect, Layer, Option, Redacted, Result, Schedule, Schema } from "effect"
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  errors,
  importSPKI,
  type JSONWebKeySet,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
  jwtVerify
} from "jose"
import { AppConfig, type Settings } from "../AppConfig.ts"
import { type Credential, InvalidToken, TOKEN_NEEDED } from "../domain/Caller.ts"
import { Unavailable } from "../domain/Unavailable.ts"
import { UserId } from "../domain/User.ts"
import { parseSecrets, SECRET_BYTES } from "../settings/JwtSecrets.ts"
import { anyOf, type TokenKey } from "./TokenKeys.ts"

/** How far the clocks of the tokens' issuer and of this server may differ. In seconds. */
const LEEWAY_SECONDS = 30

/** How often the keys at `JWT_JWKS_URL` are fetched again. A token with an unknown key id fetches them at once. */
const REFRESH_KEYS = "10 minutes"

/** `AUTH=required` without a key, with several, or with a text that is not a key. */
export class TokenKeyError extends Schema.TaggedError<TokenKeyError>()("TokenKeyError", {
  message: Schema.String
}) {}

/** Whether the token of a credential has expired at `now`, in milliseconds since 1970. Tokens have the same leeway here as in `verify`. */
export const hasExpired = ({ expiresAt }: Credential, now: number): boolean =>
  expiresAt !== undefined && now / 1000 > expiresAt + LEEWAY_SECONDS

/** Checks tokens. With `AUTH=open` every caller is `Anyone`, with any token or none. */
export class Tokens extends Context.Service<
  Tokens,
  {
    /**
     * The credential that a token stands for; `undefined` and the empty text are no token. Fails with `Unavailable`
     * when the keys to check it with cannot be fetched. `beforeFetch` runs before the call waits for a fetch of keys, and
     * its failure is that of the call.
     */
    verify<E = never>(
      token: string | undefined,
      beforeFetch?: Effect.Effect<void, E>
    ): Effect.Effect<Credential, InvalidToken | Unavailable | E>
  }
>()("minichat/access/Tokens") {
  static readonly layer = Layer.unwrap(
    Effect.map(AppConfig, ({ auth }) => (auth === "open" ? Tokens.layerOpen : Tokens.layerRequired))
  )

  static readonly layerOpen = Layer.succeed(Tokens, {
    verify: () => Effect.succeed({ caller: { _tag: "Anyone" }, expiresAt: undefined })
  })

  static readonly layerRequired = Layer.effect(
    Tokens,
    Effect.gen(function* () {
      const config = yield* AppConfig
      const { key, fetched, algorithms } = yield* keyOf(config)
      const options: JWTVerifyOptions = {
        algorithms,
        clockTolerance: LEEWAY_SECONDS,
        ...Option.match(config.jwtIssuer, { onNone: () => ({}), onSome: (issuer) => ({ issuer }) }),
        ...Option.match(config.jwtAudience, { onNone: () => ({}), onSome: (audience) => ({ audience }) })
      }

      const verify = Effect.fnUntraced(function* <E = never>(
        token: string | undefined,
        beforeFetch?: Effect.Effect<void, E>
      ) {
        if (token === undefined || token === "") return yield* new InvalidToken({ message: TOKEN_NEEDED })
        const currentDate = new Date(yield* Clock.currentTimeMillis)
        const attempt = (source: JWTVerifyGetKey) =>
          Effect.tryPromise({
            try: () => verifyWith(token, source, { ...options, currentDate }),
            catch: (error) => (error instanceof errors.JWKSNoMatchingKey ? UNKNOWN_KEY : refusal(error))
          })
        const known = yield* Effect.result(attempt(key))
        if (Result.isSuccess(known)) return yield* toCredential(known.success)
        if (known.failure !== UNKNOWN_KEY) return yield* known.failure
        if (fetched === undefined) return yield* new InvalidToken({ message: NOT_VALID })
        if (beforeFetch !== undefined) yield* beforeFetch
        const payload = yield* Effect.mapError(attempt(fetched), (failure) =>
          failure === UNKNOWN_KEY ? new InvalidToken({ message: NOT_VALID }) : failure
        )
        return yield* toCredential(payload)
      })

      return Tokens.of({ verify })
    })
  )
}

const NOT_VALID = "The token is not valid"

/** None of the keys at hand is the one that the token names. */
const UNKNOWN_KEY = "unknown key"

const SIGNED_BY_KEY_PAIR = ["RS256", "ES256", "EdDSA"]

const keyOf = Effect.fnUntraced(function* ({
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
  return { ...(yield* remoteKeys(Option.getOrThrow(jwtJwksUrl))), algorithms: SIGNED_BY_KEY_PAIR }
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

// The fetched keys have no maximum age: while the endpoint is unavailable, they stay in use.
const remoteKeys = Effect.fnUntraced(function* (url: string) {
  const keys = createRemoteJWKSet(new URL(url), {
    cacheMaxAge: Number.POSITIVE_INFINITY,
    timeoutDuration: 5000,
    cooldownDuration: 10_000,
    [customFetch]: fetchBounded
  })
  const refresh = Effect.ignore(
    Effect.tryPromise(() => keys.reload()),
    {
      log: "Warn",
      message: "The keys at JWT_JWKS_URL could not be fetched; those that were fetched before stay in use"
    }
  )
  yield* Effect.forkScoped(Effect.repeat(refresh, Schedule.spaced(REFRESH_KEYS)))
  // The keys that are known, without a fetch.
  let known: { readonly set: JSONWebKeySet; readonly key: JWTVerifyGetKey } | undefined
  const key: JWTVerifyGetKey = (header, token) => {
    const set = keys.jwks()
    if (set === undefined) return Promise.reject(new errors.JWKSNoMatchingKey())
    if (known?.set !== set) known = { set, key: createLocalJWKSet(set) }
    return known.key(header, token)
  }
  return { key, fetched: keys satisfies JWTVerifyGetKey as JWTVerifyGetKey }
})

/** How many bytes a set of keys may have. */
const KEY_SET_BYTES = 1024 * 1024

/** Fetches a set of keys, and reads no more of it than it may have. */
const fetchBounded = async (url: string, options: RequestInit): Promise<Response> => {
  const response = await fetch(url, options)
  const chunks: Array<Uint8Array> = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    if (bytes > KEY_SET_BYTES)
      throw new errors.JWKSInvalid(`The key set has more than ${KEY_SET_BYTES} bytes`)
    chunks.push(chunk)
  }
  return new Response(Buffer.concat(chunks), { status: response.status, headers: response.headers })
}

/** The claims of a token. Of several keys that fit it, as a set without key ids may have, each is tried. */
const verifyWith = async (token: string, source: JWTVerifyGetKey, options: JWTVerifyOptions) => {
  try {
    return (await jwtVerify(token, source, options)).payload
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error
    for await (const key of error) {
      try {
        return (await jwtVerify(token, key, options)).payload
      } catch (reason) {
        if (!(reason instanceof errors.JWSSignatureVerificationFailed)) throw reason
      }
    }
    throw new errors.JWSSignatureVerificationFailed()
  }
}

/** A token with a fault is refused; a failure to fetch the keys says nothing about the token. */
const refusal = (error: unknown): InvalidToken | Unavailable => {
  if (isFetchFailure(error)) return new Unavailable({ dependency: "token key endpoint", cause: error })
  if (error instanceof errors.JWTExpired) return new InvalidToken({ message: "The token has expired" })
  if (error instanceof errors.JWTClaimValidationFailed) {
    return new InvalidToken({ message: `The token's claim "${error.claim}" is not accepted` })
  }
  return new InvalidToken({ message: NOT_VALID })
}

const isFetchFailure = (error: unknown) =>
  error instanceof errors.JWKSTimeout ||
  error instanceof errors.JWKSInvalid ||
  (error instanceof errors.JOSEError && error.code === "ERR_JOSE_GENERIC") ||
  (error instanceof TypeError && error.message === "fetch failed")

const decodeSubject = Schema.decodeUnknownOption(Schema.String.check(Schema.isPattern(/^[1-9][0-9]{0,9}$/)))

const toCredential = ({ sub, exp, iat, scope }: JWTPayload) => {
  if (typeof scope === "string" && scope.split(" ").includes("service")) {
    return Effect.succeed<Credential>({ caller: { _tag: "Service" }, expiresAt: exp, issuedAt: iat })
  }
  return Option.match(decodeSubject(sub), {
    onNone: () => Effect.fail(new InvalidToken({ message: 'The token\'s claim "sub" is not a user id' })),
    onSome: (digits) =>
      Effect.succeed<Credential>({
        caller: { _tag: "Member", userId: UserId.make(Number(digits)) },
        expiresAt: exp,
        issuedAt: iat
      })
  })
}
