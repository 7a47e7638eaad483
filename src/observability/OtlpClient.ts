import { Duration, Effect, Layer } from "effect"
import { FetchHttpClient, HttpClient, type HttpClientError } from "effect/http"

/** The time limit of an export, up to the end of the collector's answer. OpenTelemetry has the same default. */
const PATIENCE = Duration.seconds(10)

/** Without a time limit, a collector that does not answer, or sends a byte now and then, would hold an export for ever. */
const boundedFetch: typeof globalThis.fetch = (input, init) =>
  fetch(input, {
    ...init,
    signal: AbortSignal.any([
      ...(init?.signal ? [init.signal] : []),
      AbortSignal.timeout(Duration.toMillis(PATIENCE))
    ])
  })

const reasonOf = ({ reason }: HttpClientError.HttpClientError): string => {
  if (reason._tag === "StatusCodeError") return `status ${reason.response.status}`
  const error = reason.cause
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return cause instanceof Error ? cause.message : reason._tag
}

/** The client that exports spans. An outage of the collector is logged once, until an export succeeds again. */
export const layer = Layer.effect(
  HttpClient.HttpClient,
  Effect.gen(function* () {
    let isOut = false
    return (yield* HttpClient.HttpClient).pipe(
      HttpClient.filterStatusOk,
      HttpClient.tap(() =>
        Effect.sync(() => {
          isOut = false
        })
      ),
      HttpClient.tapError((error) =>
        Effect.suspend(() => {
          if (isOut) return Effect.void
          isOut = true
          return Effect.logWarning(
            `Traces cannot be sent, and some are lost (OTEL_EXPORTER_OTLP_ENDPOINT): ${reasonOf(error)}`
          )
        })
      )
    )
  })
).pipe(
  Layer.provide(FetchHttpClient.layer),
  Layer.provide(Layer.succeed(FetchHttpClient.Fetch, boundedFetch))
)
