import { createServer } from "node:net"
import { Effect } from "effect"

/** A port on which something listens that is no server of ours, until the scope closes. */
export const takenPort = Effect.acquireRelease(
  Effect.callback<{ readonly port: number; readonly close: () => void }>((resume) => {
    const server = createServer((socket) => socket.destroy())
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      resume(Effect.succeed({ port, close: () => server.close() }))
    })
  }),
  ({ close }) => Effect.sync(close)
)

/** A port on which nothing listens. */
export const closedPort = Effect.map(Effect.scoped(takenPort), ({ port }) => port)
