import { type AddressInfo, connect, createServer, type Socket } from "node:net"
import { Effect } from "effect"

/** Stands between a server and what it depends on, and can cut the connections. */
export const tcpProxy = Effect.fnUntraced(function* (target: {
  readonly host: string
  readonly port: number
}) {
  const open = new Set<Socket>()
  let isCut = false
  const join = (from: Socket, to: Socket) => {
    open.add(from)
    from.pipe(to)
    from.on("error", () => {})
    from.on("close", () => {
      open.delete(from)
      to.destroy()
    })
  }
  const server = yield* Effect.acquireRelease(
    Effect.callback<ReturnType<typeof createServer>>((resume) => {
      const server = createServer((incoming) => {
        if (isCut) {
          incoming.destroy()
          return
        }
        const outgoing = connect(target)
        join(incoming, outgoing)
        join(outgoing, incoming)
      })
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.sync(() => {
        server.close()
        for (const socket of open) socket.destroy()
      })
  )
  return {
    port: (server.address() as AddressInfo).port,
    /** Ends all connections, and takes no others. */
    cut: Effect.sync(() => {
      isCut = true
      for (const socket of open) socket.destroy()
    }),
    mend: Effect.sync(() => {
      isCut = false
    })
  }
})

/** A proxy to the service of a URL, and the URL by which it is reached through it. */
export const proxied = Effect.fnUntraced(function* (url: string, defaultPort: number) {
  const through = new URL(url)
  const proxy = yield* tcpProxy({ host: through.hostname, port: Number(through.port || defaultPort) })
  through.hostname = "127.0.0.1"
  through.port = String(proxy.port)
  return { ...proxy, url: through.href }
})
