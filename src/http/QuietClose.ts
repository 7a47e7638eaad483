import type { Server } from "node:http"

/** After this time a server stops listening, even while connections still come in. In milliseconds. */
const PATIENCE = 1000

/** In a turn of the event loop as short as this, hardly a connection can have come in unseen. In milliseconds. */
const SHORT_TURN = 0.2

/**
 * Delays `close` until a short turn of the event loop in which no connection came in. The kernel accepts connections before the server
 * sees them. Closing the listener resets those that it has not seen, and a balancer that wrote a request to one answers 502.
 */
export const closeWhenQuiet = (server: Server): void => {
  const close = server.close.bind(server)
  server.close = (callback) => {
    const until = performance.now() + PATIENCE
    // Between this turn and the next one, the event loop polls for connections at least once.
    let hasNew = true
    let lookedAt = 0
    const onConnection = () => {
      hasNew = true
    }
    const look = () => {
      const now = performance.now()
      if ((hasNew || now - lookedAt > SHORT_TURN) && now < until) {
        hasNew = false
        lookedAt = now
        setImmediate(look)
        return
      }
      server.off("connection", onConnection)
      close(callback)
    }
    server.on("connection", onConnection)
    setImmediate(look)
    return server
  }
}
