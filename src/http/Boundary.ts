import { Context, Effect, LogLevel, References, type Types } from "effect"
import { HttpRouter, HttpServerRequest, type HttpServerResponse } from "effect/http"
import { AppConfig } from "../AppConfig.ts"
import { Lifecycle } from "../Lifecycle.ts"
import { Metrics } from "../observability/Metrics.ts"
import { addHeaders } from "./AnswerHeaders.ts"
import { ANSWERED_LATER } from "./AnswerResponse.ts"
import { answerFailure, unsupportedMediaType } from "./Failures.ts"
import { routeOf } from "./MatchedRoute.ts"
import * as Preflight from "./Preflight.ts"
import * as RequestId from "./RequestId.ts"

/** The status in the metrics of a request whose client closed the connection before the response. */
const CLIENT_CLOSED_REQUEST = 499

/** The status of a WebSocket upgrade. `SocketRoute` counts it when the socket opens. */
const UPGRADED = 101

/**
 * The type that the router requires of a global middleware. Its error type is for failures that the middleware leaves to the router;
 * this middleware leaves none.
 */
type Answered = Effect.Effect<
  HttpServerResponse.HttpServerResponse,
  Types.unhandled,
  HttpServerRequest.HttpServerRequest
>

/** What an earlier fiber of a request found out, when this one only answers it. */
export interface Begun {
  readonly requestId: string
  /** The pattern of its route. */
  readonly route: string
  /** When it came, by `performance.now()`. */
  readonly startedAt: number
}

/**
 * What is around every route, in this order: give the request an id, answer `OPTIONS`, turn a failure into an RFC 9457
 * problem, count the response, add its headers. The headers of CORS come last, so that problems have them too.
 */
export const make = Effect.gen(function* () {
  const config = yield* AppConfig
  const metrics = yield* Metrics
  const lifecycle = yield* Lifecycle
  // Asked once: a request's own look at the level would cost it more.
  const isLogged = config.logLevel !== "None" && LogLevel.isGreaterThanOrEqualTo("Debug", config.logLevel)
  const requestIdOf = yield* RequestId.make
  const { withCors, preflight, bypassesPreflight } = Preflight.make(config)

  const around = (
    handler: Effect.Effect<
      HttpServerResponse.HttpServerResponse,
      unknown,
      HttpServerRequest.HttpServerRequest
    >,
    begun?: Begun
  ): Answered =>
    Effect.withFiber((fiber) => {
      const request = Context.getUnsafe(fiber.context, HttpServerRequest.HttpServerRequest)
      const requestId = begun?.requestId ?? requestIdOf(request)
      const startedAt = begun?.startedAt ?? performance.now()
      const count = (route: string, status: number) =>
        metrics.request(route, request.method, status, startedAt)
      const countMatched = (status: number) => count(begun?.route ?? routeOf(fiber.context), status)
      const onAbort = () => {
        if (request.headers.upgrade === undefined) countMatched(CLIENT_CLOSED_REQUEST)
      }
      const preflightResponse = preflight(request, count)
      if (preflightResponse !== undefined) return preflightResponse

      const answered = (bypassesPreflight(request) ? unsupportedMediaType : handler).pipe(
        Effect.catchCause(answerFailure(request, requestId, { maxBodyBytes: config.maxBodyBytes, onAbort })),
        Effect.flatMap((response) => {
          if (response.status === ANSWERED_LATER) return Effect.succeed(response)
          if (response.status !== UPGRADED) countMatched(response.status)
          const answer = addHeaders(response, { requestId, leaving: lifecycle.isLeaving() })
          return isLogged ? Effect.tap(answer, log(request, startedAt)) : answer
        }),
        Effect.provideService(References.CurrentLogAnnotations, { request_id: requestId })
      )
      return request.method === "OPTIONS" ? answered : withCors(request, answered)
    })

  /** Counts a request whose client closed the connection while no fiber ran for it. */
  const countAbandoned = ({ route, startedAt }: Begun, method: string) =>
    metrics.request(route, method, CLIENT_CLOSED_REQUEST, startedAt)

  return { around, countAbandoned }
})

/** The middleware around every route. */
export const layer = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const { around } = yield* make
    yield* router.addGlobalMiddleware((handler) => around(handler))
  })
)

/** The log line of a request, without its query, which may hold private text such as that of a search. */
const log =
  (request: HttpServerRequest.HttpServerRequest, startedAt: number) =>
  ({ status }: HttpServerResponse.HttpServerResponse) =>
    Effect.logDebug(
      `${request.method} ${request.url.split("?", 1)[0]} ${status} in ${Math.round(performance.now() - startedAt)} ms`
    )
