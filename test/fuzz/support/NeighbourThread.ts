import { Agent, request } from "node:http"
import { parentPort, workerData } from "node:worker_threads"
import { WebSocket } from "ws"
import type { NeighbourOptions, NeighbourReport } from "./Neighbour.ts"

/** How long the neighbour rests between two messages. In milliseconds, as all times here. */
const REST = 20

/** Messages that go before what is measured: code that never ran is slow. */
const WARM_UP_MESSAGES = 100

const { port, webSocketUrl, sender, receiver, quietMessages }: NeighbourOptions = workerData

const agent = new Agent({ keepAlive: true })
const contents: Array<string> = []
const seqs: Array<number> = []
const failures: Array<string> = []
let onArrival: ((content: string) => void) | undefined

const p99 = (samples: ReadonlyArray<number>) => {
  const sorted = samples.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length * 0.99)] ?? 0
}

const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

const post = (content: string) =>
  new Promise<void>((resolve, reject) => {
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
    outgoing.end(JSON.stringify({ sender_id: sender, receiver_id: receiver, content }))
  })

let sent = 0

/** Sends one message at a time, waiting for each to be answered and to arrive. Answers with how long each took. */
const chat = async (goOn: (samples: ReadonlyArray<number>) => boolean) => {
  const samples: Array<number> = []
  while (goOn(samples) && failures.length === 0) {
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
    }
    samples.push(performance.now() - started)
    await sleep(REST)
  }
  return samples
}

const socket = new WebSocket(`${webSocketUrl}/ws/${receiver}`, ["minichat.v2"])
socket.on("message", (data) => {
  const { type, seq, content, sender_id } = JSON.parse(String(data))
  if (type !== "message") return
  seqs.push(seq)
  if (sender_id !== sender) return
  contents.push(content)
  onArrival?.(content)
})
socket.on("close", (code) => failures.push(`the neighbour's socket was closed with ${code}`))
await new Promise((resolve) => socket.once("open", resolve))

await chat(({ length }) => length < WARM_UP_MESSAGES)
const quiet = await chat(({ length }) => length < quietMessages)
parentPort!.postMessage("quiet")

let isOver = false
parentPort!.once("message", () => {
  isOver = true
})
const flooded = await chat(() => !isOver)
const report: NeighbourReport = {
  sent,
  contents,
  seqs,
  failures: [...failures],
  quietP99: p99(quiet),
  floodedP99: p99(flooded)
}
parentPort!.postMessage(report)
socket.terminate()
agent.destroy()
