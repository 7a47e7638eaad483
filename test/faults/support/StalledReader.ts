import { randomBytes } from "node:crypto"
import { connect } from "node:net"
import { Effect } from "effect"

/** A socket that shakes hands and then never reads again: a client on a phone that went into a tunnel. Ends with its scope. */
export const open = (url: string, userId: number) =>
  Effect.acquireRelease(
    Effect.callback<ReturnType<typeof connect>>((resume) => {
      const { hostname, host, port } = new URL(url)
      const socket = connect(Number(port), hostname)
      socket.on("error", () => {})
      socket.write(
        [
          `GET /ws/${userId} HTTP/1.1`,
          `Host: ${host}`,
          "Connection: Upgrade",
          "Upgrade: websocket",
          "Sec-WebSocket-Version: 13",
          `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`,
          "Sec-WebSocket-Protocol: minichat.v2",
          "\r\n"
        ].join("\r\n")
      )
      socket.once("data", (head) => {
        socket.pause()
        const accepted = head.toString("latin1").startsWith("HTTP/1.1 101 ")
        resume(accepted ? Effect.succeed(socket) : Effect.die(new Error(head.toString("latin1"))))
      })
    }),
    (socket) => Effect.sync(() => socket.destroy())
  )
