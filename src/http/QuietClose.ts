import type { Server } from "node:http"

/** For how long connections may go on coming in before a server stops listening all the same. In milliseconds. */
const PATIENCE = 1000

/** A turn that took no longer than this cannot have missed many connections since it looked for them. In milliseconds. */
const SHORT_TURN = 0.2

/**
 * Lets `close` wait for a short turn of the event loop in which no connection came in. The system takes connections for the server before
 * the server sees them: those that it has not seen are reset when it stops listening, and a balancer that wrote a request to one
 * answers 502.
 */
export const closeWhenQuiet = (server: Server): void => {
  const close = server.close.bind(server)
  server.close = (callback) => {
    const until = performance.now() + PATIENCE
    // Between this turn and the next one, connections are looked for at least once.
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
