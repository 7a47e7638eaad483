import { Effect } from "effect"
import { Headers, HttpServerResponse } from "effect/http"
import { unsupportedMediaType } from "./Failures.ts"

/** How long a caller waits before it repeats a call that was answered 503, or 429 without a time. In seconds. */
const RETRY_AFTER = "1"

/** The time of a problem's `retry_after_ms`, in whole seconds. */
const retryAfterOf = ({ body }: HttpServerResponse.HttpServerResponse): string => {
  const [, ms] =
    body._tag === "Uint8Array" ? (/"retry_after_ms":(\d+)/.exec(decoder.decode(body.body)) ?? []) : []
  return ms === undefined ? RETRY_AFTER : String(Math.max(1, Math.ceil(Number(ms) / 1000)))
}

const decoder = new TextDecoder()

const NOSNIFF = { "x-content-type-options": "nosniff" }

/** The headers that every answer has. An answer that is made with them is not copied to add them. */
export const COMMON = Headers.fromRecordUnsafe(NOSNIFF)

/**
 * Adds the headers that an answer of its status needs. Replaces a 415 by its problem: the platform answers one without a body.
 * While the node leaves, each answer closes its connection: otherwise a balancer would send the next request on it.
 */
export const addHeaders = (
  response: HttpServerResponse.HttpServerResponse,
  { requestId, leaving }: { readonly requestId: string; readonly leaving: boolean }
): Effect.Effect<HttpServerResponse.HttpServerResponse> => {
  if (response.status === 200 && !leaving && response.headers["x-content-type-options"] !== undefined) {
    return Effect.succeed(response)
  }
  const headers: Record<string, string> = { ...NOSNIFF }
  if (leaving) headers.connection = "close"
  switch (response.status) {
    case 401:
      headers["www-authenticate"] = "Bearer"
      break
    case 415:
      if (response.headers["content-type"]?.startsWith("application/problem")) break
      return Effect.map(unsupportedMediaType, HttpServerResponse.setHeaders(headers))
    case 500:
      headers["x-request-id"] = requestId
      break
    case 426:
      headers.connection = "Upgrade"
      headers.upgrade = "websocket"
      break
    case 429:
      headers["retry-after"] = retryAfterOf(response)
      break
    case 503:
      headers["x-request-id"] = requestId
      // No `Retry-After` for the 503 of a probe.
      if (response.headers["content-type"]?.startsWith("application/problem"))
        headers["retry-after"] = RETRY_AFTER
      break
  }
  return Effect.succeed(HttpServerResponse.setHeaders(response, headers))
}
