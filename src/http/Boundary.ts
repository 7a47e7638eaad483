import { Context, Effect, type Fiber, References, type Types } from "effect"
import { HttpRouter, HttpServerRequest, type HttpServerResponse } from "effect/http"
import { AppConfig } from "../AppConfig.ts"
import { Lifecycle } from "../Lifecycle.ts"
import { Metrics } from "../observability/Metrics.ts"
import { addHeaders } from "./AnswerHeaders.ts"
import { answerFailure, notJson } from "./Failures.ts"
import * as Preflight from "./Preflight.ts"
import * as RequestId from "./RequestId.ts"

/** The status that a request counts as whose caller hung up before it was answered. */
const ABORTED = 499

/** The status of a handshake, which was counted when the socket opened. */
const UPGRADED = 101

/** The route that every path without one counts as. */
const UNMATCHED = "unmatched"

/** The router asks for a middleware that lets failures through to say so. This one lets none through. */
type Answered = Effect.Effect<
  HttpServerResponse.HttpServerResponse,
  Types.unhandled,
  HttpServerRequest.HttpServerRequest
>

/**
 * What every request passes: it gets an id, then `OPTIONS` is answered; a failure becomes a problem, the answer is counted
 * and gets its headers, those of CORS last.
 */
export const layer = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const config = yield* AppConfig
    const metrics = yield* Metrics
    const lifecycle = yield* Lifecycle
    const requestIdOf = yield* RequestId.make
    const { withCors, preflight, isDisguised } = Preflight.make(config)

    yield* router.addGlobalMiddleware(
      (handler): Answered =>
        Effect.withFiber((fiber) => {
          const request = Context.getUnsafe(fiber.context, HttpServerRequest.HttpServerRequest)
          const requestId = requestIdOf(request)
          const startedAt = performance.now()
          const count = (route: string, status: number) =>
            metrics.request(route, request.method, status, startedAt)
          const onAbort = () => {
            if (request.headers.upgrade === undefined) count(matchedRoute(fiber), ABORTED)
          }
          const options = preflight(request, count)
          if (options !== undefined) return options

          const answered = (isDisguised(request) ? notJson : handler).pipe(
            Effect.catchCause(
              answerFailure(request, requestId, { maxBodyBytes: config.maxBodyBytes, onAbort })
            ),
            Effect.flatMap((response) => {
              if (response.status !== UPGRADED) count(matchedRoute(fiber), response.status)
              return addHeaders(response, { requestId, draining: lifecycle.isDraining() })
            }),
            Effect.provideService(References.CurrentLogAnnotations, { request_id: requestId })
          )
          return request.method === "OPTIONS" ? answered : withCors(request, answered)
        })
    )
  })
)

/** The pattern that the router found for the request, if it has come that far. */
const matchedRoute = (fiber: Fiber.Fiber<unknown, unknown>) =>
  Context.getOrUndefined(fiber.context, HttpRouter.RouteContext)?.route.path ?? UNMATCHED
