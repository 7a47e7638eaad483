import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { Context, Effect, Layer } from "effect"
import { HttpClient, HttpClientRequest, HttpServer } from "effect/http"
import { HttpApiClient } from "effect/http-api"
import type { Settings } from "../../src/AppConfig.ts"
import { Api } from "../../src/api/Api.ts"
import * as Server from "../../src/Server.ts"
import { logging } from "../../src/Start.ts"
import * as EmbeddedPool from "./EmbeddedPool.ts"
import { settings } from "./Services.ts"

/** Starts the whole server in this process, on a free port, until the scope closes. */
export const startServer = Effect.fnUntraced(function* (overrides: Partial<Settings>) {
  const memoMap = yield* Layer.makeMemoMap
  const scope = yield* Effect.scope
  // A memo map of its own: two servers of one test share nothing in this process.
  const services = yield* Layer.buildWithMemoMap(
    Server.layer.pipe(Layer.provide([logging, EmbeddedPool.layer]), Layer.provide(settings(overrides))),
    memoMap,
    scope
  )
  const { address } = Context.get(services, HttpServer.HttpServer)
  const port = "port" in address ? address.port : 0
  const url = `http://127.0.0.1:${port}`
  return { url, webSocketUrl: `ws://127.0.0.1:${port}`, port, services }
})

export type TestServer = Effect.Success<ReturnType<typeof startServer>>

/** The client that the contract derives, calling a server over a real socket until the scope closes. */
export const typedClient = Effect.fnUntraced(function* (server: { readonly url: string }) {
  const http = yield* Layer.build(NodeHttpClient.layerUndici)
  return yield* HttpApiClient.make(Api, {
    transformClient: HttpClient.mapRequest(HttpClientRequest.prependUrl(server.url))
  }).pipe(Effect.provideContext(http))
})
