import { Effect, Queue } from "effect"
import { WebSocket } from "ws"

/** A frame as a client sees it. */
export interface Received {
  readonly type: string
  readonly [field: string]: unknown
}

export interface Closed {
  readonly code: number
  readonly reason: string
}

/**
 * Opens a socket with the `ws` client, until the scope closes. `next` takes the frames one by one, in order;
 * `closed` waits for the end. A handshake that is refused fails with its HTTP status.
 */
export const openSocket = Effect.fnUntraced(function* (
  url: string,
  options: { readonly protocols?: Array<string>; readonly headers?: Record<string, string> } = {}
) {
  const frames = yield* Queue.unbounded<Received>()
  const closing = yield* Queue.unbounded<Closed>()
  const socket = yield* Effect.acquireRelease(
    Effect.callback<WebSocket, RefusedHandshake>((resume) => {
      const socket = new WebSocket(url, options.protocols ?? [], { headers: options.headers ?? {} })
      socket.on("message", (data) => Queue.offerUnsafe(frames, JSON.parse(String(data))))
      socket.on("close", (code, reason) => Queue.offerUnsafe(closing, { code, reason: String(reason) }))
      socket.on("open", () => resume(Effect.succeed(socket)))
      socket.on("unexpected-response", (_, response) => {
        const chunks: Array<Buffer> = []
        response.on("data", (chunk) => chunks.push(chunk))
        response.on("end", () =>
          resume(
            Effect.fail(
              new RefusedHandshake(response.statusCode ?? 0, response.headers, String(Buffer.concat(chunks)))
            )
          )
        )
      })
      socket.on("error", (error) => resume(Effect.fail(new RefusedHandshake(0, {}, error.message))))
    }),
    (socket) => Effect.sync(() => socket.terminate())
  )
  return {
    socket,
    protocol: socket.protocol,
    /** The next frame. */
    next: Queue.take(frames),
    /** The next frame of a type; those before it are dropped. */
    nextOf: (type: string) =>
      Queue.take(frames).pipe(Effect.repeat({ until: (frame: Received) => frame.type === type })),
    /** The frames that arrived and were not taken yet. */
    arrived: Queue.clear(frames),
    closed: Queue.take(closing),
    send: (frame: unknown) =>
      Effect.sync(() => socket.send(typeof frame === "string" ? frame : JSON.stringify(frame)))
  }
})

export class RefusedHandshake {
  readonly _tag = "RefusedHandshake"
  readonly status: number
  readonly headers: Record<string, unknown>
  readonly body: string
  constructor(status: number, headers: Record<string, unknown>, body: string) {
    this.status = status
    this.headers = headers
    this.body = body
  }
}
