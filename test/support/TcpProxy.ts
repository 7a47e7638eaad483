import { createServer, connect as open, type Socket } from "node:net"
import { Effect } from "effect"

/**
 * A TCP proxy to a server that others use too: what is done to it happens to those who connect through it alone.
 * Until the scope closes. A change of `target` concerns the connections that come after it.
 */
export const tcpProxy = Effect.fnUntraced(function* (target: URL) {
  const requests = new Set<Socket>()
  const replies = new Set<Socket>()
  /** Both ends of each connection, in the order in which they came. */
  const connections: Array<ReadonlyArray<Socket>> = []
  const swallowed = new Set<Socket>()
  let isCut = false
  let held: "nothing" | "replies" | "everything" = "nothing"
  /** How many bytes of replies still arrive. */
  let left = Number.POSITIVE_INFINITY

  const relay = (from: Socket, to: Socket, all: Set<Socket>) => {
    all.add(from)
    from.on("data", (chunk) => {
      if (all === replies) left -= chunk.length
      if (left < 0) destroyAll()
      else if (!swallowed.has(from)) to.write(chunk)
    })
    from.on("error", () => {})
    from.on("close", () => {
      all.delete(from)
      swallowed.delete(from)
      to.destroy()
    })
    if (held === "everything" || (held === "replies" && all === replies)) from.pause()
  }
  const server = createServer((client) => {
    if (isCut) {
      client.destroy()
      return
    }
    const upstream = open(Number(target.port || defaultPort(target)), target.hostname)
    relay(client, upstream, requests)
    relay(upstream, client, replies)
    connections.push([client, upstream])
  })
  const destroyAll = () => {
    for (const socket of [...requests, ...replies]) socket.destroy()
  }

  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => {
      server.listen(0, "127.0.0.1", () => resume(Effect.void))
    }),
    () =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        destroyAll()
      })
  )
  const url = new URL(target)
  const address = server.address()
  url.hostname = "127.0.0.1"
  url.port = typeof address === "object" && address !== null ? String(address.port) : ""

  return {
    url,
    /** How many connections came so far. */
    connections: () => connections.length,
    /** Breaks every connection and refuses new ones. */
    cut: Effect.sync(() => {
      isCut = true
      destroyAll()
    }),
    /** Breaks every connection once so many bytes of replies have come from now on, and each new one at its first reply. */
    cutAfter: (bytes: number) =>
      Effect.sync(() => {
        left = bytes
      }),
    /** Refuses new connections; those that there are stay. */
    refuse: Effect.sync(() => {
      isCut = true
    }),
    /** Takes connections again. */
    restore: Effect.sync(() => {
      isCut = false
    }),
    /** Drops what is sent on the connections that there are, for ever and without a word; new ones work. */
    swallow: Effect.sync(() => {
      for (const socket of [...requests, ...replies]) swallowed.add(socket)
    }),
    /** Keeps what is sent from arriving, in one direction or both; connections stay. */
    hold: (what: "replies" | "everything") =>
      Effect.sync(() => {
        held = what
        for (const socket of what === "replies" ? replies : [...requests, ...replies]) socket.pause()
      }),
    /** Keeps all that is sent from arriving, for ever, on the connections of now: all, or one of them. New ones work. */
    stall: (which: "all" | number) =>
      Effect.sync(() => {
        for (const socket of (which === "all" ? connections : [connections[which]!]).flat()) socket.pause()
      }),
    /** Lets new connections carry what is sent; those that are held stay so. */
    carryNewOnes: Effect.sync(() => {
      held = "nothing"
    }),
    /** Breaks one connection. */
    destroy: (which: number) =>
      Effect.sync(() => {
        for (const socket of connections[which]!) socket.destroy()
      }),
    /** Lets what was held arrive, late. */
    release: Effect.sync(() => {
      held = "nothing"
      for (const socket of [...requests, ...replies]) socket.resume()
    })
  }
})

const defaultPort = ({ protocol }: URL) => (protocol.startsWith("redis") ? 6379 : 5432)
