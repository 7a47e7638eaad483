import { Effect, Layer, Redacted } from "effect"
import { HttpServerRequest } from "effect/http"
import { Gate } from "../access/Gate.ts"
import { Authorization, CurrentUser } from "../api/Authorization.ts"
import { serviceUnavailable, tooManyRequests, unauthorized } from "../api/ProblemOf.ts"

/** Lets the gate check each request, and provides the caller to the handler. */
export const layer = Layer.effect(
  Authorization,
  Effect.gen(function* () {
    const gate = yield* Gate

    // Without authentication and limits no request is checked: the check would take a tenth of the cost of a read.
    if (gate.isOpen) {
      return Authorization.of({
        bearer: (handler) => Effect.provideService(handler, CurrentUser, { _tag: "Anyone" })
      })
    }

    return Authorization.of({
      bearer: Effect.fnUntraced(function* (handler, { credential }) {
        const request = yield* HttpServerRequest.HttpServerRequest
        const { caller } = yield* gate.admit(Redacted.value(credential), request).pipe(
          Effect.catchTags({
            RateLimited: tooManyRequests,
            InvalidToken: unauthorized,
            Unavailable: serviceUnavailable
          })
        )
        return yield* Effect.provideService(handler, CurrentUser, caller)
      })
    })
  })
)
