import { Effect } from "effect"
import { HttpServerRequest, HttpServerRespondable, type HttpServerResponse } from "effect/http"
import { Gate } from "../access/Gate.ts"
import { tooManyRequests } from "../api/ProblemOf.ts"

/** Takes each request for a path that needs no token from the rate of its address; a request above the rate is answered with 429. */
export const limitPublicPath = Effect.map(
  Gate,
  (gate) =>
    <E, R>(answer: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>) =>
      Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) =>
        Effect.matchEffect(gate.admitStranger(request), {
          onSuccess: () => answer,
          onFailure: (limited) => HttpServerRespondable.toResponse(tooManyRequests(limited))
        })
      )
)
