import { Effect } from "effect"
import { HttpServerRequest, HttpServerRespondable, HttpServerResponse } from "effect/http"
import { AppConfig } from "../AppConfig.ts"
import { isAllowedHost } from "../access/HostNames.ts"
import { MisdirectedRequest } from "../api/Problems.ts"

/**
 * Answers a request or a handshake with 421, before it is routed, when its `Host` header is not allowed. Every host is allowed, except in
 * open mode on a loopback address: see `isAllowedHost`. `Boundary` does not run for this answer, so `nosniff` is set here.
 */
export const refuseOtherHosts = Effect.map(AppConfig, (config) => {
  const isAllowed = isAllowedHost(config)
  const refusal = Effect.map(
    HttpServerRespondable.toResponse(new MisdirectedRequest()),
    HttpServerResponse.setHeader("x-content-type-options", "nosniff")
  )
  return <E, R>(app: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>) =>
    Effect.flatMap(
      HttpServerRequest.HttpServerRequest,
      ({ headers }): Effect.Effect<HttpServerResponse.HttpServerResponse, E, R> =>
        isAllowed(headers.host) ? app : refusal
    )
})
