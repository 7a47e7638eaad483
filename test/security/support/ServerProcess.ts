import { Effect } from "effect"
import { startProcess } from "../../support/ServerProcess.ts"

/** A server in a process of its own that listens, logs JSON, and ends with its scope. */
export const serverProcess = Effect.fnUntraced(function* (environment: Readonly<Record<string, string>>) {
  const server = yield* startProcess({ HOST: "127.0.0.1", LOG_FORMAT: "json", ...environment })
  const url = yield* server.listening
  const { host, port } = new URL(url)
  return {
    ...server,
    url,
    webSocketUrl: `ws://${host}`,
    port: Number(port),
    /** Asks it to end, and answers with its exit code. */
    stop: Effect.andThen(
      server.signal("SIGTERM"),
      Effect.map(server.ended, ({ code }) => code)
    )
  }
})

export type ServerProcess = Effect.Success<ReturnType<typeof serverProcess>>
