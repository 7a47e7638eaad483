import { Cause, Context, Effect, type Fiber, Random, References, type Types } from "effect"
import {
  HttpMiddleware,
  HttpRouter,
  HttpServerError,
  HttpServerRequest,
  HttpServerRespondable,
  HttpServerResponse
} from "effect/http"
import { AppConfig } from "../AppConfig.ts"
import { isAllowedOrigin } from "../access/Origins.ts"
import {
  ContentTooLarge,
  InternalServerError,
  MethodNotAllowed,
  NotFound,
  UnsupportedMediaType
} from "../api/Problems.ts"
import { Lifecycle } from "../Lifecycle.ts"
import { Metrics } from "../observability/Metrics.ts"
import { allowedMethods, routeOf } from "./Allowed.ts"

const { toResponse } = HttpServerRespondable

/** How long a caller waits before it repeats a call that was answered 503. In seconds. */
const RETRY_AFTER = "1"

/** What a request counts as whose caller hung up before it was answered. */
const ABORTED = 499

/** A socket, which was counted when it opened. */
const UPGRADED = 101

/** What every path without a route counts as. */
const UNMATCHED = "unmatched"

/**
 * What every request passes, first in and last out: it gets an id, CORS is answered, and whatever no handler
 * answered becomes a problem. A failure that nobody foresaw is logged, and its caller is told the request's id.
 */
export const layer = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const config = yield* AppConfig
    const metrics = yield* Metrics
    const lifecycle = yield* Lifecycle
    const isAllowed = isAllowedOrigin(config)
    const node = (yield* Random.nextIntBetween(0, 36 ** 6)).toString(36)
    let requests = 0

    const cors = HttpMiddleware.cors({
      allowedOrigins: isAllowed,
      allowedMethods: ["GET", "HEAD", "POST"],
      allowedHeaders: ["authorization", "content-type", "x-request-id"],
      exposedHeaders: ["retry-after", "x-request-id"],
      maxAge: 86_400
    })

    const unanswered =
      (request: HttpServerRequest.HttpServerRequest, requestId: string, count: (status: number) => void) =>
      (cause: Cause.Cause<unknown>) => {
        const error = Cause.squash(cause)
        if (HttpServerError.isHttpServerError(error)) {
          const { reason } = error
          if (reason._tag === "RouteNotFound") return noRoute(request)
          if (reason._tag === "RequestParseError" && reason.reason === "BodyTooLarge") {
            return toResponse(
              new ContentTooLarge({ detail: `The body is larger than ${config.maxBodyBytes} bytes` })
            )
          }
        }
        if (HttpServerResponse.isHttpServerResponse(error)) return Effect.succeed(error)
        if (Cause.hasInterruptsOnly(cause)) {
          if (request.headers.upgrade === undefined) count(ABORTED)
          return Effect.failCause(cause as Cause.Cause<never>)
        }
        return Effect.andThen(
          Effect.logError(`${request.method} ${path(request)} failed`, cause),
          toResponse(
            new InternalServerError({
              detail: "The server failed at this. The log has the cause, under the request id",
              request_id: requestId
            })
          )
        )
      }

    // The router wants to know of a middleware that it lets failures through. This one lets none through.
    type Answered = Effect.Effect<
      HttpServerResponse.HttpServerResponse,
      Types.unhandled,
      HttpServerRequest.HttpServerRequest
    >

    yield* router.addGlobalMiddleware(
      (handler): Answered =>
        Effect.withFiber((fiber) => {
          const request = Context.getUnsafe(fiber.context, HttpServerRequest.HttpServerRequest)
          const requestId = requestIdOf(request) ?? `${node}-${(requests++).toString(36)}`
          const startedAt = performance.now()
          const count = (status: number) =>
            metrics.request(matchedRoute(fiber), request.method, status, startedAt)
          const answered = (isDisguised(request, isAllowed) ? notJson : handler).pipe(
            Effect.catchCause(unanswered(request, requestId, count)),
            Effect.flatMap((response) => {
              if (response.status !== UPGRADED) count(response.status)
              return finish(response, requestId, lifecycle.isDraining())
            }),
            Effect.provideService(References.CurrentLogAnnotations, { request_id: requestId })
          )
          if (request.method !== "OPTIONS")
            return request.headers.origin === undefined ? answered : cors(answered)
          const methods = allowedMethods(request.url)
          if (methods.length === 0) return answered
          const route = routeOf(methods[0]!, request.url) ?? UNMATCHED
          const preflight = Effect.sync(() => {
            metrics.request(route, request.method, 204, startedAt)
            return HttpServerResponse.empty({ status: 204 })
          })
          return Effect.map(
            request.headers.origin === undefined ? preflight : cors(preflight),
            HttpServerResponse.setHeader("allow", methods.join(", "))
          )
        })
    )
  })
)

/**
 * A page may send a body without a content type to any server, without asking first (a body with one that is
 * JSON is asked about). From a page that may not call this server, such a body is not taken for JSON.
 */
const isDisguised = (
  { method, headers }: HttpServerRequest.HttpServerRequest,
  isAllowed: (origin: string) => boolean
) =>
  method === "POST" &&
  headers.origin !== undefined &&
  headers["content-type"] === undefined &&
  !isAllowed(headers.origin)

/** The pattern that the router found for the request, if it has come that far. */
const matchedRoute = (fiber: Fiber.Fiber<unknown, unknown>) =>
  Context.getOrUndefined(fiber.context, HttpRouter.RouteContext)?.route.path ?? UNMATCHED

const path = (request: HttpServerRequest.HttpServerRequest) => request.url.split("?", 1)[0]!

/** A caller's own request id is kept, when it is one that a log can hold. */
const requestIdOf = (request: HttpServerRequest.HttpServerRequest) => {
  const given = request.headers["x-request-id"]
  return given !== undefined && /^[\w.:-]{1,100}$/.test(given) ? given : undefined
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

const notJson = toResponse(
  new UnsupportedMediaType({ detail: "The body must be JSON, with content-type application/json" })
)

const finish = (response: HttpServerResponse.HttpServerResponse, requestId: string, draining: boolean) => {
  const headers: Record<string, string> = { "x-content-type-options": "nosniff" }
  // A connection that stays open would keep a server that stops waiting for it.
  if (draining) headers.connection = "close"
  switch (response.status) {
    case 401:
      headers["www-authenticate"] = "Bearer"
      break
    case 415:
      return Effect.map(notJson, HttpServerResponse.setHeaders(headers))
    case 500:
      headers["x-request-id"] = requestId
      break
    case 426:
      headers.connection = "Upgrade"
      headers.upgrade = "websocket"
      break
    case 429:
      headers["retry-after"] = RETRY_AFTER
      break
    case 503:
      headers["x-request-id"] = requestId
      if (response.headers["content-type"]?.startsWith("application/problem"))
        headers["retry-after"] = RETRY_AFTER
      break
  }
  return Effect.succeed(HttpServerResponse.setHeaders(response, headers))
}
