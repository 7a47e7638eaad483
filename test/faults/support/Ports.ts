import { createServer } from "node:net"
import { Effect } from "effect"

/**
 * Below the ports that the kernel gives to outgoing connections: a server that is started again on its port must not find that a client
 * has it.
 */
const FIRST = 18_200
const LAST = 18_399

/** Two runs at the same time begin at different places. */
let next = FIRST + ((process.pid * 7) % (LAST - FIRST + 1))
let left = LAST - FIRST + 1

const isFree = (port: number) =>
  Effect.callback<boolean>((resume) => {
    const server = createServer()
    server.once("error", () => resume(Effect.succeed(false)))
    server.listen(port, "127.0.0.1", () => server.close(() => resume(Effect.succeed(true))))
  })

/** A port that nothing listens on, given once a process. */
export const freePort: Effect.Effect<number> = Effect.gen(function* () {
  while (left > 0) {
    left -= 1
    const port = next
    next = port === LAST ? FIRST : port + 1
    if (yield* isFree(port)) return port
  }
  return yield* Effect.die(new Error(`No port from ${FIRST} to ${LAST} is free`))
})
