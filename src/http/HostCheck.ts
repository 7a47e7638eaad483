import { Effect } from "effect"
import { HttpServerRequest, HttpServerRespondable, HttpServerResponse } from "effect/http"
import { AppConfig } from "../AppConfig.ts"
import { isAllowedHost } from "../access/HostNames.ts"
import { MisdirectedRequest } from "../api/Problems.ts"

/** Answers requests and handshakes whose `Host` is not this server with 421, before anything else. */
export const checkHosts = Effect.map(AppConfig, (config) => {
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
