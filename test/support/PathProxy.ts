import { createServer, request } from "node:http"
import type { AddressInfo } from "node:net"
import { Effect } from "effect"

/** A proxy that serves what is at `target` under `prefix`, which it strips, as nginx does with `location /chat/`. Scoped. */
export const pathProxy = (target: string, prefix: string) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly url: string; readonly close: () => void }>((resume) => {
      const server = createServer((incoming, outgoing) => {
        if (!incoming.url!.startsWith(`${prefix}/`)) return void outgoing.writeHead(404).end()
        const path = incoming.url!.slice(prefix.length)
        const { headers, method } = incoming
        const passedOn = request(target + path, { method, headers }, (answer) => {
          outgoing.writeHead(answer.statusCode!, answer.headers)
          answer.pipe(outgoing)
        })
        passedOn.on("error", () => outgoing.destroy())
        incoming.pipe(passedOn)
      })
      server.listen(0, "127.0.0.1", () => {
        const { port } = server.address() as AddressInfo
        const close = () => {
          server.close()
          server.closeAllConnections()
        }
        resume(Effect.succeed({ url: `http://127.0.0.1:${port}${prefix}`, close }))
      })
    }),
    ({ close }) => Effect.sync(close)
  ).pipe(Effect.map(({ url }) => url))
