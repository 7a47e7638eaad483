import type { IncomingMessage } from "node:http"
import type { Duplex } from "node:stream"
import { WebSocket } from "ws"
import { SUBPROTOCOLS } from "../api/Protocol.ts"

declare module "ws" {
  namespace WebSocket {
    interface ServerOptions {
      /** How long the answer to a close frame is waited for before the connection is destroyed. In milliseconds. */
      closeTimeout?: number | undefined
    }
  }
  interface WebSocket {
    /** Called by the upgrade, once, with the connection that the WebSocket takes over. */
    setSocket(socket: Duplex, head: Buffer, options: object): void
  }
}

const byConnection = new WeakMap<Duplex, ServerWebSocket>()

/**
 * The server's side of a WebSocket. Effect's `Socket` reads from it; what that has no word for is here: pings,
 * and text frames that are bytes already.
 */
export class ServerWebSocket extends WebSocket {
  /** Whether the peer answered the last ping. */
  answered = true
  /** The code of the end that closed first; 1006 when neither closed and the connection was lost. */
  closeCode = 1006

  override setSocket(socket: Duplex, head: Buffer, options: object): void {
    super.setSocket(socket, head, options)
    byConnection.set(socket, this)
    this.on("pong", () => {
      this.answered = true
    })
  }

  override close(code?: number, reason?: string | Buffer): void {
    if (this.readyState === this.OPEN) this.closeCode = code ?? 1005
    super.close(code, reason)
  }

  /** Sends a text frame, given as text or as its UTF-8 bytes. Bytes are not encoded again for each socket. */
  sendText(frame: string | Buffer): void {
    this.send(frame, { binary: false })
  }
}

/** The WebSocket that took over this connection. */
export const webSocketOf = (connection: Duplex): ServerWebSocket => {
  const webSocket = byConnection.get(connection)
  if (webSocket === undefined) throw new Error("The connection was not upgraded")
  return webSocket
}

/** The subprotocol to answer with: the newest that the client offers, or none. */
export const chooseSubprotocol = (offered: ReadonlySet<string>, _request?: IncomingMessage): string | false =>
  SUBPROTOCOLS.find((name) => offered.has(name)) ?? false
