import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { Effect } from "effect"
import type { JWK } from "jose"

type Broken = "no JSON" | "no key set" | "an error" | "nothing"

/** Serves a JWK set, and then perhaps no more. */
export const keyEndpoint = Effect.fnUntraced(function* (keys: ReadonlyArray<JWK>) {
  let status = 200
  let body = JSON.stringify({ keys })
  let fetches = 0
  const server = yield* Effect.acquireRelease(
    Effect.callback<ReturnType<typeof createServer>>((resume) => {
      const server = createServer((_, response) => {
        fetches++
        response.writeHead(status, { "content-type": "application/json", connection: "close" }).end(body)
      })
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      })
  )
  const { port } = server.address() as AddressInfo

  return {
    url: `http://127.0.0.1:${port}/jwks.json`,
    fetches: () => fetches,
    answer: (keys: ReadonlyArray<JWK>) => {
      status = 200
      body = JSON.stringify({ keys })
    },
    break: (how: Broken) =>
      Effect.callback<void>((resume) => {
        status = how === "an error" ? 503 : 200
        body = how === "no JSON" ? "<html>" : "[]"
        if (how === "nothing") server.close(() => resume(Effect.void))
        else resume(Effect.void)
      })
  }
})
