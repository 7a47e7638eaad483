import { Agent, request } from "node:http"
import { Effect } from "effect"
import { WebSocket } from "ws"

/** How long the neighbour rests between two messages. */
const REST = 20

/** How many messages it takes to know how long they take. */
const QUIET_MESSAGES = 200

export interface NeighbourReport {
  readonly sent: number
  /** What the receiver was told, in order. */
  readonly contents: ReadonlyArray<string>
  readonly seqs: ReadonlyArray<number>
  readonly failures: ReadonlyArray<string>
  /** 99 of 100 messages arrived within so many milliseconds: before the flood, and during it. */
  readonly quietP99: number
  readonly floodedP99: number
}

const p99 = (samples: ReadonlyArray<number>) => {
  const sorted = samples.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length * 0.99)] ?? 0
}

const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** Two users who chat beside the flood, as people do: one message at a time, waiting for each to arrive. */
export const neighbour = Effect.fnUntraced(function* (
  { port, webSocketUrl }: { readonly port: number; readonly webSocketUrl: string },
  [sender, receiver]: readonly [number, number]
) {
  const agent = new Agent({ keepAlive: true })
  const contents: Array<string> = []
  const seqs: Array<number> = []
  const failures: Array<string> = []
  let sent = 0
  let onArrival: ((content: string) => void) | undefined

  const socket = new WebSocket(`${webSocketUrl}/ws/${receiver}`, ["minichat.v2"])
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      socket.terminate()
      agent.destroy()
    })
  )
  socket.on("message", (data) => {
    const { type, seq, content, sender_id } = JSON.parse(String(data))
    if (type !== "message") return
    seqs.push(seq)
    if (sender_id !== sender) return
    contents.push(content)
    onArrival?.(content)
  })
  socket.on("close", (code) => failures.push(`the neighbour's socket was closed with ${code}`))
  yield* Effect.promise(() => new Promise((resolve) => socket.once("open", resolve)))

  const post = (content: string) =>
    new Promise<void>((resolve, reject) => {
      const body = JSON.stringify({ sender_id: sender, receiver_id: receiver, content })
      const outgoing = request(
        {
          host: "127.0.0.1",
          port,
          agent,
          method: "POST",
          path: "/messages/",
          headers: { "content-type": "application/json" }
        },
        (response) => {
          response.resume()
          response.on("end", () =>
            response.statusCode === 200
              ? resolve()
              : reject(new Error(`the neighbour got ${response.statusCode}`))
          )
        }
      )
      outgoing.on("error", reject)
      outgoing.end(body)
    })

  const chat = async (samples: Array<number>, goOn: () => boolean) => {
    while (goOn()) {
      const content = `message ${sent++}`
      const started = performance.now()
      const arrived = new Promise<void>((resolve) => {
        onArrival = (each) => {
          if (each === content) resolve()
        }
      })
      try {
        await Promise.all([post(content), arrived])
      } catch (error) {
        failures.push(String(error))
        return
      }
      samples.push(performance.now() - started)
      await sleep(REST)
    }
  }

  const quiet: Array<number> = []
  yield* Effect.promise(() => chat(quiet, () => quiet.length < QUIET_MESSAGES))

  return {
    /** Chats until the flood is over, and tells how that went. */
    beside: <A>(flood: Effect.Effect<A>) =>
      Effect.gen(function* () {
        const flooded: Array<number> = []
        let isOver = false
        const over = Effect.sync(() => {
          isOver = true
        })
        const [result] = yield* Effect.all(
          [Effect.ensuring(flood, over), Effect.promise(() => chat(flooded, () => !isOver))],
          { concurrency: "unbounded" }
        )
        const report: NeighbourReport = {
          sent,
          contents,
          seqs,
          failures,
          quietP99: p99(quiet),
          floodedP99: p99(flooded)
        }
        return [result, report] as const
      })
  }
})
