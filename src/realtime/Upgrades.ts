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

/** The client closed the connection, or its request is not a valid handshake. */
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
 * Upgrades requests to WebSockets once the app has accepted them. `NodeHttpServer` can do that too, but keeps the fiber,
 * the contexts and the closures of the request for as long as the socket is open: more memory than the socket itself
 * (bench/README.md, "What made most of it"). This one keeps nothing of an answered request.
 */
export class Upgrades extends Context.Service<
  Upgrades,
  {
    /** Answers the server's requests for an upgrade with the app, until the scope closes. Replaces NodeHttpServer's listener. */
    serve(server: Server, app: App): Effect.Effect<void, never, Scope.Scope>
    /**
     * Completes the handshake of a request that `serve` took: answers it with 101. A handshake that is not valid is
     * answered with 400; a later answer by the app is then ignored. An app that answers without calling this closes the
     * connection.
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
          // Node reads no further request from an upgraded connection, so a refusal closes it.
          response.shouldKeepAlive = false
          response.on("finish", () => connection.destroySoon())
          try {
            response.assignSocket(connection)
          } catch {
            // This request was pipelined behind one that is not answered yet.
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
          // The app answers this request later: it finds the response ended, and its answer is ignored.
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

// "close" follows each error and is listened to. Without a listener the error would end the process.
const ignore = () => {}
