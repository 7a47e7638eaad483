import { createServer } from "node:http"
import { Effect, Queue } from "effect"
import { type WebSocket, WebSocketServer } from "ws"
import type { ServerFrame } from "../../../src/api/Protocol.ts"
import { Seq } from "../../../src/domain/Event.ts"
import { UserId } from "../../../src/domain/User.ts"

/** A socket that a client opened, and what the client said on it. */
export interface ScriptedSocket {
  /** What the client offered in its handshake. */
  readonly protocols: ReadonlyArray<string>
  /** The next frame of the client. */
  readonly next: Effect.Effect<{ readonly type: string; readonly [field: string]: unknown }>
  send(frame: typeof ServerFrame.Encoded): Effect.Effect<void>
  close(code: number, reason: string): Effect.Effect<void>
}

/** The clock of a test stands still meanwhile. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

interface Refusal {
  readonly status: number
  readonly body: string
}

/** A server that greets, and then does what a test says. It has no conversations. Until the scope closes. */
export const scriptedServer = Effect.gen(function* () {
  const opened = yield* Queue.unbounded<ScriptedSocket>()
  let greeting: typeof ServerFrame.Encoded = GREETING
  const paths: Array<string> = []
  let refusal: Refusal | undefined
  let isSilent = false
  let unanswered = 0
  const http = createServer(({ url }, response) => {
    if (isSilent) return
    paths.push(url!)
    response.writeHead(refusal?.status ?? 200, { "content-type": "application/json" })
    response.end(refusal === undefined ? JSON.stringify({ conversations: [], next: null }) : refusal.body)
  })
  const sockets = new WebSocketServer({
    server: http,
    handleProtocols: () => "minichat.v2",
    verifyClient: (_, answer) => {
      if (isSilent) unanswered++
      else answer(true)
    }
  })
  sockets.on("connection", (socket, request) => {
    const frames = Effect.runSync(Queue.unbounded<{ readonly type: string }>())
    socket.on("message", (data) => Queue.offerUnsafe(frames, JSON.parse(String(data))))
    const send = (frame: typeof ServerFrame.Encoded) => Effect.sync(() => socket.send(JSON.stringify(frame)))
    Effect.runSync(send(greeting))
    Queue.offerUnsafe(opened, {
      protocols: (request.headers["sec-websocket-protocol"] ?? "").split(/, */),
      next: Queue.take(frames),
      send,
      close: (code, reason) => Effect.sync(() => socket.close(code, reason))
    })
  })
  const address = yield* Effect.acquireRelease(
    Effect.callback<string>((resume) => {
      http.listen(0, "127.0.0.1", () => {
        const at = http.address()
        resume(Effect.succeed(`http://127.0.0.1:${typeof at === "object" && at !== null ? at.port : ""}`))
      })
    }),
    () => Effect.sync(() => end(http, sockets.clients))
  )
  return {
    url: address,
    /** Greets differently from now on. */
    greetWith: (change: { readonly cursor: typeof Seq.Type; readonly recovered: boolean }) =>
      Effect.sync(() => {
        greeting = { ...GREETING, ...change }
      }),
    /** The next socket that a client opens. */
    socket: Queue.take(opened),
    /** How many sockets were opened that no test has taken. */
    waiting: Queue.size(opened),
    /** Answers no call and no handshake that begins from now on, as a dead network does; `false`: as before. */
    silence: (next: boolean) => {
      isSilent = next
    },
    /** Waits until so many handshakes were left without an answer. */
    unanswered: (count: number) => Effect.repeat(Effect.promise(turn), { until: () => unanswered >= count }),
    /** The paths of the calls that came so far. */
    paths: (): ReadonlyArray<string> => paths,
    /** Answers calls so from now on; `undefined`: as before. */
    refuse: (next: Refusal | undefined) => {
      refusal = next
    },
    /** Ends it: nothing listens there any more. */
    end: Effect.sync(() => end(http, sockets.clients))
  }
})

const end = (http: ReturnType<typeof createServer>, clients: ReadonlySet<WebSocket>) => {
  for (const client of clients) client.terminate()
  http.closeAllConnections()
  http.close()
}

const GREETING = {
  type: "system",
  message: "Connected",
  timestamp: "2026-01-01T00:00:00.000Z",
  user_id: UserId.make(1),
  cursor: Seq.make(0),
  epoch: "scripted",
  recovered: true
} satisfies typeof ServerFrame.Encoded
