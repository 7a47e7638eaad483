import { Context, Effect, Layer } from "effect"
import type { Settings } from "../../../src/AppConfig.ts"
import { ConnectionRegistry } from "../../../src/realtime/ConnectionRegistry.ts"
import { until } from "../../faults/support/Until.ts"
import { freshEmbedded } from "../../support/EmbeddedPool.ts"
import { startServer, type TestServer } from "../../support/TestServer.ts"

/** A server that the tests of a block share. */
export class Server extends Context.Service<Server, TestServer>()("minichat/test/security/Server") {
  static readonly layer = (overrides: Partial<Settings>) =>
    Layer.effect(
      Server,
      Effect.flatMap(freshEmbedded, (database) => startServer({ ...database, ...overrides }))
    )
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: string
}

/** One request over HTTP, and its answer as it is. */
export const request = (url: string, init: RequestInit = {}): Effect.Effect<Answer> =>
  Effect.promise(async (signal) => {
    const response = await fetch(url, { signal, ...init })
    return { status: response.status, headers: response.headers, body: await response.text() }
  })

export const post = (url: string, body: unknown, headers: Record<string, string> = {}) =>
  request(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body)
  })

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

/** The sockets that a server counts as open. */
export const openSockets = ({ services }: TestServer) =>
  Context.get(services as Context.Context<ConnectionRegistry>, ConnectionRegistry).size

export const allSocketsClosed = (server: TestServer) =>
  until(
    "no socket is left",
    Effect.map(openSockets(server), (size) => size === 0),
    "10 seconds"
  )
