import { createServer, type ServerResponse } from "node:http"
import type { AddressInfo, Socket } from "node:net"
import { Effect } from "effect"

const DRIP_EVERY = 100

/** What a server does with the requests on its first connection. */
export type Fault = "answers nothing" | "drips"

/** A server whose first connection is of no use, as one that a network cut without a word. Those that come later work. */
export const muteServer = (fault: Fault, answer: (body: string, response: ServerResponse) => void) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly url: string; readonly isGivenUp: () => boolean; readonly stop: () => void }>(
      (resume) => {
        let first: Socket | undefined
        const server = createServer((request, response) => {
          let body = ""
          request.setEncoding("utf8").on("data", (chunk) => {
            body += chunk
          })
          request.on("end", () => {
            first ??= request.socket
            if (request.socket !== first) return answer(body, response)
            if (fault === "answers nothing") return
            response.writeHead(200, { "content-type": "application/json" })
            const timer = setInterval(() => response.write(" "), DRIP_EVERY)
            response.on("close", () => clearInterval(timer))
          })
        })
        server.listen(0, "127.0.0.1", () => {
          resume(
            Effect.succeed({
              url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
              /** Whether the client closed the first connection. */
              isGivenUp: () => first?.destroyed === true,
              stop: () => {
                server.close()
                server.closeAllConnections()
              }
            })
          )
        })
      }
    ),
    ({ stop }) => Effect.sync(stop)
  )
