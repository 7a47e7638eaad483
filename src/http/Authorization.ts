import { Effect, Layer } from "effect"
import { HttpServerRequest, HttpServerResponse } from "effect/http"
import { bearerOf } from "../access/BearerToken.ts"
import { Gate } from "../access/Gate.ts"
import { Authorization, CurrentCaller } from "../api/Authorization.ts"
import { forbidden, serviceUnavailable, tooManyRequests, unauthorized } from "../api/ProblemOf.ts"

/** Lets the gate check each request, and provides the caller to the handler. */
export const layer = Layer.effect(
  Authorization,
  Effect.gen(function* () {
    const gate = yield* Gate

    // Without authentication and limits no request is checked: the check would add a tenth to the cost of a read.
    if (gate.isOpen)
      return Authorization.of((handler) =>
        unstored(Effect.provideService(handler, CurrentCaller, { _tag: "Anyone" }))
      )

    return Authorization.of(
      Effect.fnUntraced(function* (handler) {
        const request = yield* HttpServerRequest.HttpServerRequest
        const { caller } = yield* gate.admit(bearerOf(request.headers.authorization), request).pipe(
          Effect.catchTags({
            RateLimited: tooManyRequests,
            InvalidToken: unauthorized,
            Forbidden: forbidden,
            Unavailable: serviceUnavailable
          })
        )
        return yield* unstored(Effect.provideService(handler, CurrentCaller, caller))
      })
    )
  })
)

/** Forbids caches and browsers to store the answer: it is for its caller only. */
export const unstored = <E, R>(answer: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>) =>
  Effect.map(answer, HttpServerResponse.setHeader("cache-control", "no-store"))
