import { Cause, Effect } from "effect"
import {
  HttpServerError,
  type HttpServerRequest,
  HttpServerRespondable,
  HttpServerResponse
} from "effect/http"
import {
  ContentTooLarge,
  InternalServerError,
  MethodNotAllowed,
  NotFound,
  UnsupportedMediaType
} from "../api/Problems.ts"
import { allowedMethods } from "./Allowed.ts"

const { toResponse } = HttpServerRespondable

/** The 415 for a body whose content type is not JSON, or is missing where `Preflight` requires one. */
export const unsupportedMediaType = toResponse(new UnsupportedMediaType())

/**
 * Answers a request whose handler failed: an unknown route with 404 or 405, a body that is too large with 413. A failure that is a
 * response is that response. Any other failure or defect is logged, and answered with a 500 that has the request id.
 *
 * An interrupt stays one: usually the client closed the connection. `onAbort` is called first.
 */
export const answerFailure =
  (
    request: HttpServerRequest.HttpServerRequest,
    requestId: string,
    options: { readonly maxBodyBytes: number; onAbort(): void }
  ) =>
  (cause: Cause.Cause<unknown>): Effect.Effect<HttpServerResponse.HttpServerResponse> => {
    const error = Cause.squash(cause)
    if (HttpServerError.isHttpServerError(error)) {
      const { reason } = error
      if (reason._tag === "RouteNotFound") return noRoute(request)
      if (reason._tag === "RequestParseError" && reason.reason === "BodyTooLarge") {
        return toResponse(ContentTooLarge.beyond(options.maxBodyBytes))
      }
    }
    if (HttpServerResponse.isHttpServerResponse(error)) return Effect.succeed(error)
    if (Cause.hasInterruptsOnly(cause)) {
      options.onAbort()
      // The cause has interrupts only: the filter changes its type.
      return Effect.failCause(Cause.fromReasons(cause.reasons.filter(Cause.isInterruptReason)))
    }
    return Effect.andThen(
      Effect.logError(`${request.method} ${path(request)} failed`, cause),
      toResponse(new InternalServerError({ request_id: requestId }))
    )
  }

const noRoute = (request: HttpServerRequest.HttpServerRequest) => {
  const methods = allowedMethods(request.url)
  return methods.length === 0
    ? toResponse(new NotFound({ detail: `There is nothing at ${path(request)}` }))
    : Effect.map(
        toResponse(
          new MethodNotAllowed({
            detail: `${path(request)} does not take ${request.method}, only ${methods.join(", ")}`
          })
        ),
        HttpServerResponse.setHeader("allow", methods.join(", "))
      )
}

const path = (request: HttpServerRequest.HttpServerRequest) => request.url.split("?", 1)[0]!
