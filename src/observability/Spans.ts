import { Clock, Context, Effect, Exit, Option, References, Tracer } from "effect"
import { Headers, HttpTraceContext } from "effect/http"

/** Traces an effect as a span. Without tracing it returns the effect itself. */
export const span =
  (name: string, options: Tracer.SpanOptionsNoTrace = {}) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.withFiber((fiber) =>
      fiber.cache.tracerEnabled
        ? Effect.useSpan(name, options, (span) => Effect.provideService(effect, Tracer.ParentSpan, span))
        : effect
    ) as Effect.Effect<A, E, R>

/** A span of work that several traces wait for: a child of the first span, with links to the others. */
export const spanOf = (name: string, [parent, ...others]: ReadonlyArray<Tracer.AnySpan>) =>
  parent === undefined
    ? <A, E, R>(effect: Effect.Effect<A, E, R>) => effect
    : span(name, { parent, links: others.map((span) => ({ span, attributes: {} })) })

/** The current span; `undefined` when it is not recorded. */
export const currentSpan = Effect.withFiber((fiber) =>
  Effect.succeed(fiber.cache.span?.sampled === true ? fiber.cache.span : undefined)
)

/** The W3C trace context of the current span; `undefined` when it is not recorded. */
export const currentTraceparent = Effect.withFiber(({ cache: { span } }) =>
  Effect.succeed(
    span?.sampled === true ? `00-${span.traceId.padStart(32, "0")}-${span.spanId}-01` : undefined
  )
)

/** Begins the span of writing an event to a socket, in the trace of its send. Returns the function that ends it. */
export type DeliverySpan = (traceparent: string | undefined) => (() => void) | undefined

/** Makes delivery spans; `undefined` without tracing. */
export const deliverySpan = Effect.gen(function* () {
  if (!(yield* References.TracerEnabled)) return undefined
  const tracer = yield* Effect.tracer
  const clock = yield* Clock.Clock
  const begin: DeliverySpan = (traceparent) => {
    if (traceparent === undefined) return undefined
    const parent = HttpTraceContext.w3c(Headers.fromRecordUnsafe({ traceparent }))
    if (Option.isNone(parent) || !parent.value.sampled) return undefined
    const span = tracer.span({
      name: "socket write",
      parent,
      annotations: Context.empty(),
      links: [],
      startTime: clock.currentTimeNanosUnsafe(),
      kind: "consumer",
      root: false,
      sampled: true
    })
    return () => span.end(clock.currentTimeNanosUnsafe(), Exit.void)
  }
  return begin
})
