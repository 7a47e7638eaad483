import { type IncomingMessage, type Server, ServerResponse } from "node:http"
import type { Socket } from "node:net"
import type { Duplex } from "node:stream"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import { Context, Effect, Layer, Schema, type Scope } from "effect"
import type { HttpServerRequest, HttpServerResponse } from "effect/http"
import { WebSocketServer } from "ws"
import { AppConfig } from "../AppConfig.ts"
import { chooseSubprotocol, ServerWebSocket } from "./ServerWebSocket.ts"

/** The client left, or its handshake was none. It has its answer already. */
export class HandshakeFailed extends Schema.TaggedError<HandshakeFailed>()("HandshakeFailed", {}) {}

type App = Effect.Effect<
  HttpServerResponse.HttpServerResponse,
  unknown,
  HttpServerRequest.HttpServerRequest | Scope.Scope
>

/** How long a peer may take to answer a close frame, before its connection is destroyed. In milliseconds. */
const CLOSE_TIMEOUT = 1000

/**
 * Turns requests into WebSockets, once the app has found nothing against it. `NodeHttpServer` can do that, but then all
 * that was made of the request lives for as long as the socket, its fiber, contexts and closures: more than the
 * socket itself. Here nothing is left of a request that is answered.
 */
export class Upgrades extends Context.Service<
  Upgrades,
  {
    /** Has the app answer the requests for an upgrade that reach the server, instead of whoever did. Until the scope closes. */
    serve(server: Server, app: App): Effect.Effect<void, never, Scope.Scope>
    /** Completes the handshake of such a request: answers it with 101. Any other answer closes the connection. */
    accept(request: HttpServerRequest.HttpServerRequest): Effect.Effect<ServerWebSocket, HandshakeFailed>
  }
>()("minichat/realtime/Upgrades") {
  static readonly layer = Layer.effect(
    Upgrades,
    Effect.gen(function* () {
      const { maxFrameBytes, maxFrameFragments } = yield* AppConfig
      const webSockets = new WebSocketServer({
        noServer: true,
        clientTracking: false,
        WebSocket: ServerWebSocket,
        maxPayload: maxFrameBytes,
        maxFragments: maxFrameFragments,
        perMessageDeflate: false,
        handleProtocols: chooseSubprotocol,
        closeTimeout: CLOSE_TIMEOUT
      })
      const upgrades = new WeakMap<IncomingMessage, Upgrade>()

      const serve: Upgrades["Service"]["serve"] = Effect.fnUntraced(function* (server, app) {
        const scope = yield* Effect.scope
        const handle = yield* NodeHttpServer.makeHandler(app, {
          scope,
          middleware: (answered: App) => answered
        })
        const onUpgrade = (request: IncomingMessage, connection: Duplex, head: Buffer) => {
          connection.on("error", ignore)
          const response = new ServerResponse(request)
          response.assignSocket(connection as Socket)
          response.on("finish", () => connection.end())
          upgrades.set(request, { connection, head, response })
          handle(request, response)
        }
        yield* Effect.acquireRelease(
          Effect.sync(() => server.removeAllListeners("upgrade").on("upgrade", onUpgrade)),
          () => Effect.sync(() => server.off("upgrade", onUpgrade))
        )
      })

      const accept: Upgrades["Service"]["accept"] = (request) =>
        Effect.callback((resume) => {
          const incoming = NodeHttpServerRequest.toIncomingMessage(request) as IncomingMessage
          const upgrade = upgrades.get(incoming)
          const left = () => resume(Effect.fail(new HandshakeFailed()))
          if (upgrade === undefined || upgrade.connection.destroyed) return left()
          const { connection, head, response } = upgrade
          // Whoever answers the request later finds it answered, by nothing.
          response.detachSocket(connection as Socket)
          response.end()
          connection.once("close", left)
          webSockets.handleUpgrade(incoming, connection, head, (webSocket) => {
            connection.off("close", left)
            resume(Effect.succeed(webSocket))
          })
        })

      return Upgrades.of({ serve, accept })
    })
  )
}

interface Upgrade {
  readonly connection: Duplex
  readonly head: Buffer
  readonly response: ServerResponse
}

// What ends a connection is told by its "close". Without a listener an error would end the process.
const ignore = () => {}
