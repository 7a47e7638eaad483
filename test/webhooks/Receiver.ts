import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { Effect, Schema } from "effect"
import { WebhookPayloads } from "../../src/domain/Webhook.ts"
import { until } from "../support/Until.ts"

/** A request that a receiver got. */
export interface Received {
  readonly headers: Record<string, string>
  readonly body: string
  // biome-ignore lint/suspicious/noExplicitAny: what it is, is for the test to assert
  readonly event: { readonly type: string; readonly timestamp: string; readonly data: Record<string, any> }
}

const Payload = Schema.Union(Object.values(WebhookPayloads))

/** Asserts that events are of the shape that the OpenAPI document says, without further fields. */
export const assertDocumented = (received: ReadonlyArray<Received>) => {
  for (const { event } of received) Schema.decodeUnknownSync(Payload)(event, { onExcessProperty: "error" })
}

type Respond = (received: Received, response: ServerResponse) => void

/** An HTTP server that keeps what it is posted, until the scope closes. It answers 204 unless `respond` is replaced. */
export const startReceiver = Effect.gen(function* () {
  const received: Array<Received> = []
  const self = {
    respond: ((_, response) => response.writeHead(204).end()) as Respond
  }
  const take = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Array<Buffer> = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks).toString()
    const one = { headers: request.headers as Record<string, string>, body, event: JSON.parse(body) }
    received.push(one)
    self.respond(one, response)
  }
  const server = createServer((request, response) => void take(request, response))
  yield* Effect.acquireRelease(
    Effect.promise(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))),
    () =>
      Effect.promise(() => {
        server.closeAllConnections()
        return new Promise((resolve) => server.close(resolve))
      })
  )
  return Object.assign(self, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks?key=s3cret`,
    received,
    /** What came, of some types. */
    of: (...types: ReadonlyArray<string>) => received.filter(({ event }) => types.includes(event.type)),
    /** Waits until so many came, and answers them. */
    got: (count: number, ...types: ReadonlyArray<string>) =>
      Effect.map(
        until(
          Effect.sync(
            () =>
              received.filter(({ event }) => types.length === 0 || types.includes(event.type)).length >= count
          )
        ),
        () => received.filter(({ event }) => types.length === 0 || types.includes(event.type))
      )
  })
})

export type Receiver = Effect.Success<typeof startReceiver>
