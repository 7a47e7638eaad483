import { type IncomingMessage, type Server, ServerResponse } from "node:http"
import type { Socket } from "node:net"
import type { Duplex } from "node:stream"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import { Context, Effect, Layer, Schema, type Scope } from "effect"
import type { HttpServerRequest, HttpServerResponse } from "effect/http"
import { WebSocketServer } from "ws"
import { AppConfig } from "../AppConfig.ts"
import { discardResult } from "../RequestContext.ts"
import { chooseSubprotocol, ServerWebSocket } from "./ServerWebSocket.ts"

/** The client left, or what it sent is no handshake. */
export class HandshakeFailed extends Schema.TaggedError<HandshakeFailed>()("HandshakeFailed", {}) {}

type App = Effect.Effect<
  HttpServerResponse.HttpServerResponse,
  unknown,
  HttpServerRequest.HttpServerRequest | Scope.Scope
>

/** Whether an `Upgrade` header asks for a WebSocket. */
export const isWebSocket = (upgrade: string | undefined): boolean => upgrade?.toLowerCase() === "websocket"

/** How long a peer may take to answer a close frame, before its connection is destroyed. In milliseconds. */
const CLOSE_TIMEOUT = 1000

/**
 * Turns requests into WebSockets, once the app has found nothing against them. `NodeHttpServer` can do that, but then all
 * that was made of the request lives for as long as the socket, its fiber, contexts and closures: more than the
 * socket itself. Here nothing is left of a request that is answered.
 */
export class Upgrades extends Context.Service<
  Upgrades,
  {
    /** Has the app answer the requests for an upgrade that reach the server, instead of whoever did. Until the scope closes. */
    serve(server: Server, app: App): Effect.Effect<void, never, Scope.Scope>
    /**
     * Completes the handshake of such a request: answers it with 101. A handshake with a fault is refused with 400, and
     * answering it again does nothing. Any other answer closes the connection.
     */
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
        const handle = yield* NodeHttpServer.makeHandler(app, { scope, middleware: discardResult<App> })
        const onUpgrade = (request: IncomingMessage, duplex: Duplex, head: Buffer) => {
          const connection = duplex as Socket
          connection.on("error", ignore)
          const response = new ServerResponse(request)
          // Nothing reads the connection any more: a refusal ends it.
          response.shouldKeepAlive = false
          response.on("finish", () => connection.destroySoon())
          try {
            response.assignSocket(connection)
          } catch {
            // It was sent behind a request that is not answered yet, on the same connection.
            connection.destroy()
            return
          }
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
          response.detachSocket(connection)
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
  readonly connection: Socket
  readonly head: Buffer
  readonly response: ServerResponse
}

// What ends a connection is told by its "close". Without a listener an error would end the process.
const ignore = () => {}
