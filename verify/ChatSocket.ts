import { Effect, Redacted } from "effect"
import { WebSocket } from "ws"

/** One WebSocket, from the attempt to open it to its end. */
export interface ChatSocket {
  readonly send: (text: string) => void
  /** Ends the TCP connection without a close frame, as a lost network does. */
  readonly drop: () => void
}

export interface Ending {
  /** 1006 when there was no close frame, also when the server could not be reached. */
  readonly code: number
  readonly reason: string
}

export interface Options {
  readonly url: string
  readonly userId: number
  readonly since: number | undefined
  /** The history that `since` belongs to. */
  readonly epoch: string | undefined
  readonly token: Redacted.Redacted | undefined
  readonly onOpen: (socket: ChatSocket) => void
  readonly onFrame: (text: string, at: number) => void
}

const HANDSHAKE_TIMEOUT = 10_000

const address = ({ since, epoch, url, userId }: Options): URL => {
  const target = new URL(`ws/${userId}`, url.endsWith("/") ? url : `${url}/`)
  target.protocol = target.protocol === "https:" ? "wss:" : "ws:"
  if (since !== undefined) target.searchParams.set("since", String(since))
  if (since !== undefined && epoch !== undefined) target.searchParams.set("epoch", epoch)
  return target
}

/** Runs until the socket ends; interrupted, it closes the socket first. */
export const run = (options: Options): Effect.Effect<Ending> =>
  Effect.callback<Ending>((resume) => {
    const headers =
      options.token === undefined ? {} : { authorization: `Bearer ${Redacted.value(options.token)}` }
    const socket = new WebSocket(address(options), ["minichat.v2"], {
      headers,
      handshakeTimeout: HANDSHAKE_TIMEOUT,
      perMessageDeflate: false
    })
    let failure = ""
    socket.on("open", () =>
      options.onOpen({
        send: (text) => socket.send(text),
        drop: () => socket.terminate()
      })
    )
    socket.on("message", (data) => options.onFrame(data.toString(), performance.now()))
    socket.on("error", (error) => {
      failure = error.message
    })
    socket.on("close", (code, reason) =>
      resume(Effect.succeed({ code, reason: failure === "" ? reason.toString() : failure }))
    )
    return Effect.callback<void>((closed) => {
      if (socket.readyState === WebSocket.CLOSED) return closed(Effect.void)
      socket.once("close", () => closed(Effect.void))
      socket.close(1000)
    }).pipe(Effect.timeoutOption("1 second"), Effect.andThen(Effect.sync(() => socket.terminate())))
  })
