import type { IncomingMessage, Server, ServerResponse } from "node:http"
import type { Socket } from "node:net"
import { Duration, Effect, Option } from "effect"
import type { IpNetwork } from "effect/net"
import { clientNetwork, fromTrustedProxy } from "../access/ClientAddress.ts"
import { atTicks } from "../domain/Timing.ts"
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
  readonly socket: Socket
  readonly address: string
  /** How many requests on it are not answered yet. */
  requests: number
  /** Since when it waits for a request, in milliseconds of `performance.now`. None while it does not wait. */
  since: number | undefined
  /** The listener of the close of each response. */
  readonly answered: () => void
}

interface Waiting extends Connection {
  readonly since: number
}

const isWaiting = (connection: Connection): connection is Waiting => connection.since !== undefined

/**
 * Bounds the connections on which no request is being answered and that are no WebSockets: those that sent nothing, or a part of
 * a header, or idle between two requests. `HEADERS_TIMEOUT` and `KEEP_ALIVE_TIMEOUT` bound how long each one waits; this bounds
 * how many do. Above the bound, those that have waited longest are closed.
 */
export class WaitingConnections {
  private readonly isProxy: (address: string) => boolean
  private readonly ofAddress: number
  private readonly ofNode: number
  /** All connections but WebSockets. With the waiting ones only, each request would change the Map twice. */
  private readonly connections = new Map<Socket, Connection>()

  constructor(
    trustedProxies: ReadonlyArray<IpNetwork.IpNetwork>,
    { ofAddress = OF_ADDRESS, ofNode = OF_NODE } = {}
  ) {
    const isTrusted = fromTrustedProxy(trustedProxies)
    this.isProxy = (address) => isTrusted({ remoteAddress: Option.some(address) })
    this.ofAddress = ofAddress
    this.ofNode = ofNode
  }

  private waiting(): Array<Waiting> {
    return [...this.connections.values()].filter(isWaiting)
  }

  /** How many connections wait. */
  get size(): number {
    return this.waiting().length
  }

  /** Watches the connections that a server accepts from now on. Add the server's listener of upgrades before. */
  watch(server: Server): void {
    server.on("connection", (socket: Socket) => {
      const address = socket.remoteAddress ?? ""
      const connection: Connection = {
        socket,
        address: this.isProxy(address) ? "" : clientNetwork(address),
        requests: 0,
        since: performance.now(),
        answered: () => {
          if (--connection.requests === 0) connection.since = performance.now()
        }
      }
      this.connections.set(socket, connection)
      socket.once("close", () => this.connections.delete(socket))
    })
    server.on("request", ({ socket }: IncomingMessage, response: ServerResponse) => {
      const connection = this.connections.get(socket)
      if (connection === undefined || !(response instanceof AnswerResponse)) return
      connection.requests++
      connection.since = undefined
      response.whenClosed(connection.answered)
    })
    server.on("upgrade", ({ socket }: IncomingMessage) => this.connections.delete(socket))
  }

  /** Closes the connections above the bounds that have waited for at least `patience` milliseconds. */
  closeSurplus(patience: number): void {
    const waiting = this.waiting()
    // So few are above no bound: they need no order.
    if (waiting.length <= Math.min(this.ofNode, this.ofAddress)) return
    const latest = performance.now() - patience
    waiting.sort((one, other) => one.since - other.since)
    const counts = new Map<string, number>()
    for (const { address } of waiting) counts.set(address, (counts.get(address) ?? 0) + 1)
    let ofNode = waiting.length
    for (const { socket, address, since } of waiting) {
      if (since > latest) return
      const count = counts.get(address)!
      if (ofNode <= this.ofNode && (address === "" || count <= this.ofAddress)) continue
      counts.set(address, count - 1)
      ofNode--
      this.connections.delete(socket)
      socket.destroy()
    }
  }
}

/** Bounds the waiting connections of a server until the scope closes. */
export const boundWaiting = (server: Server, trustedProxies: ReadonlyArray<IpNetwork.IpNetwork>) => {
  const connections = new WaitingConnections(trustedProxies)
  connections.watch(server)
  const closeSurplus = Effect.sync(() => connections.closeSurplus(PATIENCE))
  return Effect.forkScoped(Effect.repeat(closeSurplus, atTicks(TICK)))
}
