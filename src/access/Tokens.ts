import { Clock, Context, Effect, Layer, Option, Result } from "effect"
import { errors, type JWTPayload, type JWTVerifyGetKey, type JWTVerifyOptions, jwtVerify } from "jose"
import { AppConfig } from "../AppConfig.ts"
import { InvalidToken, TOKEN_NEEDED, type Verified } from "../domain/Caller.ts"
import { Unavailable } from "../domain/Unavailable.ts"
import { keysOf } from "./TokenKeys.ts"
import { subjectOf } from "./TokenSubject.ts"

/** How far the clocks of the tokens' issuer and of this server may differ. In seconds. */
const LEEWAY_SECONDS = 30

/** Whether the token of a credential has expired at `now`, in milliseconds since 1970. Tokens have the same leeway here as in `verify`. */
export const hasExpired = ({ expiresAt }: Pick<Verified, "expiresAt">, now: number): boolean =>
  expiresAt !== undefined && now / 1000 > expiresAt + LEEWAY_SECONDS

/** Checks tokens. With `AUTH=open` every caller is `Anyone`, with any token or none. */
export class Tokens extends Context.Service<
  Tokens,
  {
    /**
     * The claims of a token; `undefined` and the empty text are no token. Fails with `Unavailable`
     * when the keys to check it with cannot be fetched. `beforeFetch` runs before the call waits for a fetch of keys, and
     * its failure is that of the call.
     */
    verify<E = never>(
      token: string | undefined,
      beforeFetch?: Effect.Effect<void, E>
    ): Effect.Effect<Verified, InvalidToken | Unavailable | E>
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
      const { key, fetched, algorithms } = yield* keysOf(config)
      const subject = subjectOf(config)
      const verified = (payload: JWTPayload) =>
        Effect.map(
          Effect.fromResult(subject(payload)),
          (caller): Verified => ({ caller, expiresAt: payload.exp, ...issued(payload.iat) })
        )
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
        if (Result.isSuccess(known)) return yield* verified(known.success)
        if (known.failure !== UNKNOWN_KEY) return yield* known.failure
        if (fetched === undefined) return yield* new InvalidToken({ message: NOT_VALID })
        if (beforeFetch !== undefined) yield* beforeFetch
        const payload = yield* Effect.mapError(attempt(fetched), (failure) =>
          failure === UNKNOWN_KEY ? new InvalidToken({ message: NOT_VALID }) : failure
        )
        return yield* verified(payload)
      })

      return Tokens.of({ verify })
    })
  )
}

const NOT_VALID = "The token is not valid"

/** None of the cached keys is the one that the token names. */
const UNKNOWN_KEY = "unknown key"

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

/** A token that is not valid is refused. A failure to fetch the keys is `Unavailable`: the token may be valid. */
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

/** When a token was issued, if it has an `iat`. */
const issued = (iat: number | undefined) => (iat === undefined ? {} : { issuedAt: iat })
