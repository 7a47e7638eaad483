import { Effect } from "effect"
import { WebSocket } from "ws"

export interface Options {
  readonly url: string
  readonly senders: ReadonlyArray<number>
  readonly receiverId: number
  /** How many each sender sends. */
  readonly each: number
  readonly content: string
}

const OUTSTANDING = 16

/** Sends messages to one user as fast as the server takes them, over a plain socket of each sender; answers when all are stored. */
export const flood = (options: Options): Effect.Effect<void> =>
  Effect.forEach(options.senders, (senderId) => floodFrom(senderId, options), {
    concurrency: "unbounded",
    discard: true
  })

const floodFrom = (senderId: number, { content, each, receiverId, url }: Options) =>
  Effect.callback<void>((resume) => {
    const socket = new WebSocket(`${url.replace("http", "ws")}/ws/${senderId}`, { perMessageDeflate: false })
    let begun = 0
    let stored = 0
    const fail = (what: string) => {
      socket.terminate()
      resume(Effect.die(new Error(`The flood from user ${senderId} broke: ${what}`)))
    }
    const send = () => {
      begun += 1
      socket.send(
        JSON.stringify({
          type: "send",
          receiver_id: receiverId,
          content,
          client_id: `flood-${receiverId}-${begun}`
        })
      )
    }
    socket.on("open", () => {
      while (begun < Math.min(OUTSTANDING, each)) send()
    })
    socket.on("message", (data) => {
      const frame = data.toString()
      if (frame.startsWith('{"type":"error"')) return fail(frame)
      if (!frame.startsWith('{"type":"ack"')) return
      stored += 1
      if (begun < each) send()
      if (stored < each) return
      socket.terminate()
      resume(Effect.void)
    })
    socket.on("error", (error) => fail(error.message))
    socket.on("close", (code) => fail(`closed with ${code}`))
    return Effect.sync(() => socket.terminate())
  })
