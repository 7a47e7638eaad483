import { hostname } from "node:os"
import { Effect, Layer, Option, Redacted, References, Tracer } from "effect"
import { FetchHttpClient, HttpMiddleware, UrlParams } from "effect/http"
import { OtlpExporter, OtlpSerialization, OtlpTracer } from "effect/observability"
import { AppConfig, type Settings } from "../AppConfig.ts"
import { VERSION } from "../domain/Version.ts"
import { routeOf } from "../http/Allowed.ts"

/** How long a node that stops waits for the collector to take its last spans. */
const LAST_EXPORT = "1 second"

/** Not traced: probes, and sockets, whose span would last as long as they do. Each send on a socket is a trace. */
const UNTRACED = new Set<string>(["/health", "/livez", "/readyz", "/metrics", "/ws/:user_id"])

/** Traces go out by OTLP when `OTEL_EXPORTER_OTLP_ENDPOINT` is set. Otherwise no span is made at all. */
export const layer = Layer.unwrap(
  Effect.map(AppConfig, ({ otlpEndpoint, ...settings }) =>
    Option.isNone(otlpEndpoint)
      ? Layer.succeed(References.TracerEnabled, false)
      : Layer.mergeAll(
          otlp(Redacted.value(otlpEndpoint.value), settings),
          Layer.succeed(HttpMiddleware.TracerDisabledWhen, ({ method, url }) =>
            UNTRACED.has(routeOf(method, url) ?? "")
          ),
          Layer.succeed(
            HttpMiddleware.SpanNameGenerator,
            ({ method, url }) => `${method} ${routeOf(method, url) ?? ""}`
          ),
          // Whatever a client puts into a query, a token perhaps, is its own.
          Layer.succeed(UrlParams.CurrentRedactedNames, [/^/])
        )
  )
)

const otlp = (
  endpoint: string,
  { otlpHeaders, otlpProtocol, serviceName, tracesSampled }: Omit<Settings, "otlpEndpoint">
) =>
  Layer.effect(
    Tracer.Tracer,
    Effect.map(
      OtlpTracer.make({
        url: `${endpoint.replace(/\/+$/, "")}/v1/traces`,
        headers: Redacted.value(otlpHeaders),
        resource: {
          serviceName,
          serviceVersion: VERSION,
          attributes: { "host.name": hostname(), "process.pid": process.pid }
        },
        shutdownTimeout: LAST_EXPORT
      }),
      (tracer) => sampling(tracer, tracesSampled)
    )
  ).pipe(
    Layer.provide([
      OtlpExporter.layerFlusher,
      otlpProtocol === "http/json" ? OtlpSerialization.layerJson : OtlpSerialization.layerProtobuf,
      FetchHttpClient.layer
    ])
  )

/**
 * Decides at the root of a trace whether it is recorded; a trace that a caller began goes on as the caller
 * decided. What a client asked for is worth a trace, what goes on in the background is not.
 */
const sampling = (tracer: Tracer.Tracer, share: number): Tracer.Tracer => ({
  span: (options) =>
    tracer.span(
      Option.isNone(options.parent) && (options.kind !== "server" || Math.random() >= share)
        ? { ...options, sampled: false }
        : options
    )
})
