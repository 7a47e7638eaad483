import { Effect } from "effect"
import { HttpMiddleware, type HttpServerRequest, HttpServerResponse } from "effect/http"
import type { Settings } from "../AppConfig.ts"
import { isAllowedOrigin } from "../access/Origins.ts"
import { allowedMethods, routeOf } from "./Allowed.ts"

/** The headers that tracing libraries add to each call of a page. If one were not allowed, browsers would refuse all these calls. */
const TRACING_HEADERS = [
  ...["traceparent", "tracestate", "baggage"],
  ...[
    "sentry-trace",
    "newrelic",
    "elastic-apm-traceparent",
    "uber-trace-id",
    "x-amzn-trace-id",
    "x-cloud-trace-context"
  ],
  ...["b3", "x-b3-traceid", "x-b3-spanid", "x-b3-parentspanid", "x-b3-sampled", "x-b3-flags"],
  ...[
    "x-datadog-trace-id",
    "x-datadog-parent-id",
    "x-datadog-origin",
    "x-datadog-sampling-priority",
    "x-datadog-tags"
  ]
]

/** CORS: what pages of other origins may do. */
export const make = (settings: Pick<Settings, "corsOrigins" | "publicUrl">) => {
  const isAllowed = isAllowedOrigin(settings)

  const cors = HttpMiddleware.cors({
    allowedOrigins: isAllowed,
    allowedMethods: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
    allowedHeaders: ["authorization", "content-type", "if-none-match", "x-request-id", ...TRACING_HEADERS],
    exposedHeaders: ["etag", "retry-after", "x-request-id"],
    maxAge: 86_400
  })

  /** Adds the CORS headers to the answer to a page. */
  const withCors = <E, R>(
    request: HttpServerRequest.HttpServerRequest,
    answer: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>
  ) => (request.headers.origin === undefined ? answer : cors(answer))

  /**
   * The answer to `OPTIONS`, with the pattern of its path; `undefined` for any other method and for a path that there is
   * not. `onAnswer` is called when it is answered.
   */
  const preflight = (
    request: HttpServerRequest.HttpServerRequest,
    onAnswer: (route: string, status: number) => void
  ) => {
    if (request.method !== "OPTIONS") return undefined
    const [method, ...others] = allowedMethods(request.url)
    const route = method === undefined ? undefined : routeOf(method, request.url)
    if (method === undefined || route === undefined) return undefined
    const answer = Effect.sync(() => {
      onAnswer(route, 204)
      return HttpServerResponse.empty({ status: 204 })
    })
    return Effect.map(
      withCors(request, answer),
      HttpServerResponse.setHeader("allow", [method, ...others].join(", "))
    )
  }

  /**
   * Whether a page that may not call this server sends a body without content type. Browsers send such a body without a
   * preflight, and the API would decode it as JSON.
   */
  const bypassesPreflight = ({ method, headers }: HttpServerRequest.HttpServerRequest) =>
    method === "POST" &&
    headers.origin !== undefined &&
    headers["content-type"] === undefined &&
    !isAllowed(headers.origin)

  return { withCors, preflight, bypassesPreflight }
}
