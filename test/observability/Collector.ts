import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { Effect } from "effect"

/** A span as it arrives by OTLP. */
export interface ReceivedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly service: string
  readonly attributes: Record<string, unknown>
  readonly links: ReadonlyArray<{ readonly traceId: string; readonly spanId: string }>
}

interface Attribute {
  readonly key: string
  readonly value: Record<string, unknown>
}

interface Traces {
  readonly resourceSpans: ReadonlyArray<{
    readonly resource: { readonly attributes: ReadonlyArray<Attribute> }
    readonly scopeSpans: ReadonlyArray<{
      readonly spans: ReadonlyArray<
        Omit<ReceivedSpan, "service" | "attributes"> & { readonly attributes: ReadonlyArray<Attribute> }
      >
    }>
  }>
}

/** A collector that takes OTLP as JSON, until the scope closes. */
export const startCollector = Effect.map(
  Effect.acquireRelease(
    Effect.callback<{
      readonly url: string
      readonly bodies: Array<string>
      readonly headers: Array<Record<string, unknown>>
      readonly stop: () => void
    }>((resume) => {
      const bodies: Array<string> = []
      const headers: Array<Record<string, unknown>> = []
      const server = createServer((request, response) => {
        const chunks: Array<Buffer> = []
        request.on("data", (chunk) => chunks.push(chunk))
        request.on("end", () => {
          bodies.push(String(Buffer.concat(chunks)))
          headers.push({ ...request.headers, path: request.url })
          response.writeHead(200, { "content-type": "application/json" }).end("{}")
        })
      })
      server.listen(0, "127.0.0.1", () => {
        const { port } = server.address() as AddressInfo
        const stop = () => {
          server.close()
          server.closeAllConnections()
        }
        resume(Effect.succeed({ url: `http://127.0.0.1:${port}`, bodies, headers, stop }))
      })
    }),
    ({ stop }) => Effect.sync(stop)
  ),
  ({ url, bodies, headers }) => ({
    url,
    /** What arrived, as it was sent. */
    bodies,
    headers,
    spans: Effect.sync(() => bodies.flatMap((body) => spansOf(JSON.parse(body))))
  })
)

const spansOf = ({ resourceSpans }: Traces): ReadonlyArray<ReceivedSpan> =>
  resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        ...span,
        service: String(valuesOf(resource.attributes)["service.name"]),
        attributes: valuesOf(span.attributes)
      }))
    )
  )

const valuesOf = (attributes: ReadonlyArray<Attribute>) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))
