import { Effect, Layer, Redacted, Result } from "effect"
import { HttpServerRequest } from "effect/http"
import { AppConfig } from "../AppConfig.ts"
import { clientAddress } from "../access/ClientAddress.ts"
import { limitsAreOn, RateLimits } from "../access/RateLimits.ts"
import { Tokens } from "../access/Tokens.ts"
import { Authorization, CurrentUser } from "../api/Authorization.ts"
import { Unauthorized } from "../api/Problems.ts"
import { serviceUnavailable, tooManyRequests } from "./ProblemOf.ts"

/** Checks the bearer token and the address's rate, a bad token's too; the application's own backend has no limit. */
export const layer = Layer.effect(
  Authorization,
  Effect.gen(function* () {
    const tokens = yield* Tokens
    const rateLimits = yield* RateLimits
    const config = yield* AppConfig
    const addressOf = clientAddress(config.trustedProxies)

    // With nothing to check, nothing is done: all of it took a tenth of what a read costs.
    if (config.auth === "open" && !limitsAreOn(config)) {
      return Authorization.of({
        bearer: (handler) => Effect.provideService(handler, CurrentUser, { _tag: "Anyone" })
      })
    }

    return Authorization.of({
      bearer: Effect.fnUntraced(function* (handler, { credential }) {
        const verified = yield* Effect.result(tokens.verify(Redacted.value(credential)))
        if (Result.isFailure(verified) || verified.success.caller._tag !== "Service") {
          const request = yield* HttpServerRequest.HttpServerRequest
          yield* Effect.catchTag(rateLimits.request(addressOf(request)), "RateLimited", tooManyRequests)
        }
        const { caller } = yield* Effect.fromResult(verified).pipe(
          Effect.catchTags({
            InvalidToken: ({ message }) => new Unauthorized({ detail: message }),
            Unavailable: serviceUnavailable
          })
        )
        return yield* Effect.provideService(handler, CurrentUser, caller)
      })
    })
  })
)
