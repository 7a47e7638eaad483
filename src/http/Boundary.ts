import { Context, Effect, type Fiber, LogLevel, References, type Types } from "effect"
import { HttpRouter, HttpServerRequest, type HttpServerResponse } from "effect/http"
import { AppConfig } from "../AppConfig.ts"
import { Lifecycle } from "../Lifecycle.ts"
import { Metrics } from "../observability/Metrics.ts"
import { addHeaders } from "./AnswerHeaders.ts"
import { answerFailure, notJson } from "./Failures.ts"
import * as Preflight from "./Preflight.ts"
import * as RequestId from "./RequestId.ts"

/** The status in the metrics of a request whose client closed the connection before the response. */
const CLIENT_CLOSED_REQUEST = 499

/** The status of a WebSocket upgrade. `SocketRoute` counts it when the socket opens. */
const UPGRADED = 101

/** The route in the metrics of a request whose path matches no route. */
const UNMATCHED = "unmatched"

/**
 * The type that the router requires of a global middleware. Its error type is for failures that the middleware leaves to the router;
 * this middleware leaves none.
 */
type Answered = Effect.Effect<
  HttpServerResponse.HttpServerResponse,
  Types.unhandled,
  HttpServerRequest.HttpServerRequest
>

/**
 * The middleware around every route, in this order: give the request an id, answer `OPTIONS`, turn a failure into an RFC 9457
 * problem, count the response, add its headers. The headers of CORS come last, so that problems have them too.
 */
export const layer = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const config = yield* AppConfig
    const metrics = yield* Metrics
    const lifecycle = yield* Lifecycle
    // Read once: reading the log level for each request costs more.
    const isLogged = config.logLevel !== "None" && LogLevel.isGreaterThanOrEqualTo("Debug", config.logLevel)
    const requestIdOf = yield* RequestId.make
    const { withCors, preflight, bypassesPreflight } = Preflight.make(config)

    yield* router.addGlobalMiddleware(
      (handler): Answered =>
        Effect.withFiber((fiber) => {
          const request = Context.getUnsafe(fiber.context, HttpServerRequest.HttpServerRequest)
          const requestId = requestIdOf(request)
          const startedAt = performance.now()
          const count = (route: string, status: number) =>
            metrics.request(route, request.method, status, startedAt)
          const onAbort = () => {
            if (request.headers.upgrade === undefined) count(matchedRoute(fiber), CLIENT_CLOSED_REQUEST)
          }
          const preflightResponse = preflight(request, count)
          if (preflightResponse !== undefined) return preflightResponse

          const answered = (bypassesPreflight(request) ? notJson : handler).pipe(
            Effect.catchCause(
              answerFailure(request, requestId, { maxBodyBytes: config.maxBodyBytes, onAbort })
            ),
            Effect.flatMap((response) => {
              if (response.status !== UPGRADED) count(matchedRoute(fiber), response.status)
              const answer = addHeaders(response, { requestId, leaving: lifecycle.isLeaving() })
              return isLogged ? Effect.tap(answer, log(request, startedAt)) : answer
            }),
            Effect.provideService(References.CurrentLogAnnotations, { request_id: requestId })
          )
          return request.method === "OPTIONS" ? answered : withCors(request, answered)
        })
    )
  })
)

/** The log line of a request, without its query, which may hold private text such as that of a search. */
const log =
  (request: HttpServerRequest.HttpServerRequest, startedAt: number) =>
  ({ status }: HttpServerResponse.HttpServerResponse) =>
    Effect.logDebug(
      `${request.method} ${request.url.split("?", 1)[0]} ${status} in ${Math.round(performance.now() - startedAt)} ms`
    )

/** The pattern of the route that the router matched. It stays in the fiber's context after the handler has ended. */
const matchedRoute = (fiber: Fiber.Fiber<unknown, unknown>) =>
  Context.getOrUndefined(fiber.context, HttpRouter.RouteContext)?.route.path ?? UNMATCHED
