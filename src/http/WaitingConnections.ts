import type { IncomingMessage, Server, ServerResponse } from "node:http"
import type { Socket } from "node:net"
import { Duration, Effect, Option, Schedule } from "effect"
import type { IpNetwork } from "effect/net"
import { clientNetwork, fromTrustedProxy } from "../access/ClientAddress.ts"
import { AnswerResponse } from "./AnswerResponse.ts"

/** How many connections of one address may wait for a request. Those of a trusted proxy only count for `OF_NODE`. */
const OF_ADDRESS = 1024

/** The same for all addresses together. */
const OF_NODE = 4096

/** A connection may always wait this long: a client sends its request sooner. In milliseconds. */
const PATIENCE = 1000

const TICK = Duration.seconds(1)

/** The state of one connection. */
interface Connection {
  readonly address: string
  /** How many requests on it are not answered yet. */
  requests: number
  /** Since when it waits for a request. In milliseconds of `performance.now`. */
  since: number
  /** The listener of the close of each response. */
  readonly answered: () => void
}

/**
 * Bounds the connections on which no request is being answered and that are no WebSockets: those that sent nothing, or a part of
 * a header, or idle between two requests. `HEADERS_TIMEOUT` and `KEEP_ALIVE_TIMEOUT` bound how long each one waits; this bounds
 * how many do. Above the bound, those that have waited longest are closed.
 */
export class WaitingConnections {
  private readonly isProxy: (address: string) => boolean
  private readonly ofAddress: number
  private readonly ofNode: number
  /** The waiting connections, the longest waiting first. */
  private readonly waiting = new Map<Socket, Connection>()

  constructor(
    trustedProxies: ReadonlyArray<IpNetwork.IpNetwork>,
    { ofAddress = OF_ADDRESS, ofNode = OF_NODE } = {}
  ) {
    const isTrusted = fromTrustedProxy(trustedProxies)
    this.isProxy = (address) => isTrusted({ remoteAddress: Option.some(address) })
    this.ofAddress = ofAddress
    this.ofNode = ofNode
  }

  get size(): number {
    return this.waiting.size
  }

  /** Watches the connections that a server accepts from now on. Add the server's listener of upgrades before. */
  watch(server: Server): void {
    const connections = new WeakMap<Socket, Connection>()
    const wait = (socket: Socket, connection: Connection) => {
      if (socket.destroyed) return
      connection.since = performance.now()
      this.waiting.set(socket, connection)
    }

    server.on("connection", (socket: Socket) => {
      const address = socket.remoteAddress ?? ""
      const connection: Connection = {
        address: this.isProxy(address) ? "" : clientNetwork(address),
        requests: 0,
        since: 0,
        answered: () => {
          if (--connection.requests === 0) wait(socket, connection)
        }
      }
      connections.set(socket, connection)
      wait(socket, connection)
      socket.once("close", () => this.waiting.delete(socket))
    })
    server.on("request", ({ socket }: IncomingMessage, response: ServerResponse) => {
      const connection = connections.get(socket)
      if (connection === undefined || !(response instanceof AnswerResponse)) return
      if (connection.requests++ === 0) this.waiting.delete(socket)
      response.whenClosed(connection.answered)
    })
    server.on("upgrade", ({ socket }: IncomingMessage) => this.waiting.delete(socket))
  }

  /** Closes the connections above the bounds that have waited for at least `patience` milliseconds. */
  closeSurplus(patience: number): void {
    const latest = performance.now() - patience
    const counts = new Map<string, number>()
    for (const { address } of this.waiting.values()) counts.set(address, (counts.get(address) ?? 0) + 1)
    for (const [socket, { address, since }] of this.waiting) {
      if (since > latest) return
      const count = counts.get(address)!
      if (this.waiting.size <= this.ofNode && (address === "" || count <= this.ofAddress)) continue
      counts.set(address, count - 1)
      this.waiting.delete(socket)
      socket.destroy()
    }
  }
}

/** Bounds the waiting connections of a server until the scope closes. */
export const boundWaiting = (server: Server, trustedProxies: ReadonlyArray<IpNetwork.IpNetwork>) => {
  const connections = new WaitingConnections(trustedProxies)
  connections.watch(server)
  const closeSurplus = Effect.sync(() => connections.closeSurplus(PATIENCE))
  return Effect.forkScoped(Effect.repeat(closeSurplus, Schedule.spaced(TICK)))
}
