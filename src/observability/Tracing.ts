import { hostname } from "node:os"
import { Context, Effect, Fiber, Layer, Option, Redacted, References, Tracer } from "effect"
import { type Headers, HttpMiddleware, HttpServerRequest, UrlParams } from "effect/http"
import { OtlpExporter, OtlpSerialization, OtlpTracer } from "effect/observability"
import * as OtlpClient from "./OtlpClient.ts"

/** How long the shutdown of a node waits for the collector to take its last spans. */
const LAST_EXPORT = "1 second"

export interface TraceSettings {
  /** The collector's address, which may hold a password. Without it no span is made at all. */
  readonly otlpEndpoint: Option.Option<Redacted.Redacted>
  readonly otlpHeaders: Redacted.Redacted<Headers.Input>
  readonly otlpProtocol: "http/protobuf" | "http/json"
  readonly serviceName: string
  /** The share of the traces that are recorded of those that begin here, from 0 to 1. */
  readonly tracesSampled: number
}

/** What the caller passes in: this folder must not import it. */
export interface About {
  /** The id of the node and the version of the server: attributes of every span. */
  readonly node: string
  readonly version: string
  /** The pattern of a request's path, which names its span; `undefined` for a path that the server does not have. */
  routeOf(method: string, url: string): string | undefined
  /** Whether the caller of a request may decide if its trace is recorded. */
  decidesSampling(request: HttpServerRequest.HttpServerRequest): boolean
  /** The patterns of the paths that are not traced. */
  readonly untraced: ReadonlySet<string>
}

/** Sends traces by OTLP when there is an endpoint. */
export const layer = ({ otlpEndpoint, ...settings }: TraceSettings, about: About) =>
  Option.isNone(otlpEndpoint)
    ? Layer.succeed(References.TracerEnabled, false)
    : Layer.mergeAll(
        otlp(Redacted.value(otlpEndpoint.value), settings, about),
        Layer.succeed(HttpMiddleware.TracerDisabledWhen, ({ method, url }) =>
          about.untraced.has(about.routeOf(method, url) ?? "")
        ),
        Layer.succeed(
          HttpMiddleware.SpanNameGenerator,
          ({ method, url }) => `${method} ${about.routeOf(method, url) ?? ""}`
        ),
        // The query of a request may hold a token.
        Layer.succeed(UrlParams.CurrentRedactedNames, [/^/])
      )

const otlp = (
  endpoint: string,
  { otlpHeaders, otlpProtocol, serviceName, tracesSampled }: Omit<TraceSettings, "otlpEndpoint">,
  { node, version, decidesSampling }: About
) =>
  Layer.effect(
    Tracer.Tracer,
    Effect.map(
      OtlpTracer.make({
        url: `${endpoint.replace(/\/+$/, "")}/v1/traces`,
        headers: Redacted.value(otlpHeaders),
        resource: {
          serviceName,
          serviceVersion: version,
          attributes: { "service.instance.id": node, "host.name": hostname(), "process.pid": process.pid }
        },
        shutdownTimeout: LAST_EXPORT
      }),
      (tracer) => sampling(tracer, tracesSampled, decidesSampling)
    )
  ).pipe(
    Layer.provide([
      OtlpExporter.layerFlusher,
      otlpProtocol === "http/json" ? OtlpSerialization.layerJson : OtlpSerialization.layerProtobuf,
      OtlpClient.layer
    ])
  )

/**
 * Samples a trace at its root. The sampling decision of a trusted caller holds; that of a stranger is ignored, because it could have
 * everything recorded, or nothing. Requests and the sends of sockets are traced, background work is not.
 */
const sampling = (
  tracer: Tracer.Tracer,
  share: number,
  decidesSampling: About["decidesSampling"]
): Tracer.Tracer => {
  // The fiber of a request makes its span, so the request is in its context.
  const isDecided = () => {
    const context = Fiber.getCurrent()?.context
    const request = context && Context.getOrUndefined(context, HttpServerRequest.HttpServerRequest)
    return request !== undefined && decidesSampling(request)
  }
  return {
    span: (options) => {
      const { parent, kind } = options
      if (kind === "server" && (Option.isNone(parent) || (isExternal(parent.value) && !isDecided()))) {
        return tracer.span({ ...options, sampled: Math.random() < share })
      }
      return tracer.span(Option.isNone(parent) ? { ...options, sampled: false } : options)
    }
  }
}

const isExternal = (span: Tracer.AnySpan) => span._tag === "ExternalSpan"
