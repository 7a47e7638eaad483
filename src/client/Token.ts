import { Clock, Effect, Schema, Semaphore } from "effect"
import { reasonOf, Unreachable } from "./Unreachable.ts"

/** A token, or where to get one. The function is asked again before the token expires, and when it is refused. */
export type TokenSource = string | (() => string | Promise<string>)

/** The token of a client. It is kept in memory and nowhere else. */
export interface Tokens {
  /** A token that is not about to expire; `undefined` for a server without authentication. */
  readonly current: Effect.Effect<string | undefined, Unreachable>
  /** Another one in place of a token that was refused, or is about to expire. */
  renewed(refused: string): Effect.Effect<string, Unreachable>
  /** In how many milliseconds the token is to be renewed; `undefined` when it need not be, or cannot. */
  readonly renewIn: Effect.Effect<number | undefined>
  readonly isRenewable: boolean
}

/** A token is renewed when this part of the time that was left is over. */
const USED = 0.8

/** The least time between two renewals, in milliseconds. Nothing else bounds them where the clock of the device is ahead. */
const EVERY = 10_000

const Claims = Schema.fromJsonString(
  Schema.Struct({ exp: Schema.optionalKey(Schema.Finite), iat: Schema.optionalKey(Schema.Finite) })
)
const decodeClaims = Schema.decodeUnknownEffect(Claims)

export const make = (source: TokenSource | undefined): Tokens => {
  const gate = Semaphore.makeUnsafe(1)
  let token = typeof source === "string" ? source : undefined
  let renewAt: number | undefined

  const ask = Effect.gen(function* () {
    if (typeof source !== "function") return token
    token = yield* Effect.tryPromise({
      try: async () => source(),
      catch: (cause) => new Unreachable({ message: `There is no token: ${reasonOf(cause)}` })
    })
    const now = yield* Clock.currentTimeMillis
    const left = timeLeft(yield* claimsOf(token), now)
    renewAt = left === undefined ? undefined : now + Math.max(left * USED, EVERY)
    return token
  })

  return {
    current: Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      return token === undefined || (renewAt !== undefined && now >= renewAt) ? yield* ask : token
    }).pipe(gate.withPermit),
    renewed: (refused) =>
      Effect.suspend(() => (token === refused ? ask : Effect.succeed(token))).pipe(
        gate.withPermit,
        Effect.map((renewed) => renewed ?? refused)
      ),
    renewIn: Effect.map(Clock.currentTimeMillis, (now) =>
      renewAt === undefined ? undefined : Math.max(renewAt - now, 0)
    ),
    isRenewable: typeof source === "function"
  }
}

/**
 * For how long a token is valid from now on, in milliseconds; `undefined` for one that does not expire. That is at most the time
 * from its issue to its expiry, and is taken to be that time where the device's clock says that it has expired: it is new.
 */
const timeLeft = ({ exp, iat }: typeof Claims.Type, now: number) => {
  if (exp === undefined) return undefined
  const left = exp * 1000 - now
  const whole = iat === undefined ? left : (exp - iat) * 1000
  return left > 0 ? Math.min(left, whole) : whole
}

/** What a JWT says of itself. Another kind of token is taken as it is. */
const claimsOf = (token: string) =>
  Effect.gen(function* () {
    const payload = token.split(".")[1] ?? ""
    const bytes = yield* Effect.try({
      try: () =>
        Uint8Array.from(atob(payload.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0)),
      catch: reasonOf
    })
    return yield* decodeClaims(new TextDecoder().decode(bytes))
  }).pipe(Effect.orElseSucceed((): typeof Claims.Type => ({})))
