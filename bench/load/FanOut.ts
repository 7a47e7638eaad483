import { setTimeout as sleep } from "node:timers/promises"
import { HttpConnection } from "./HttpConnection.ts"
import { Latencies, type LatencySummary } from "./Latencies.ts"
import { openSockets } from "./OpenSockets.ts"
import { post } from "./Requests.ts"

const PATIENCE_MS = 10_000

export interface FanOut {
  readonly sender: number
  readonly receiver: number
  readonly messages: number
  readonly run: string
}

/** Sends one message after the other to the one user of all open sockets; each waits until every socket has it. */
export const fanOut = async ({ sender, receiver, messages, run }: FanOut) => {
  const latencies = new Latencies()
  const connection = new HttpConnection()
  let missing = 0
  for (let n = 0; n < messages; n++) {
    const content = `${run} ${n}`
    let waiting = openSockets.length
    const everywhere = Promise.withResolvers<void>()
    for (const socket of openSockets) {
      socket.onFrame = (frame) => {
        if (frame.content === content && --waiting === 0) everywhere.resolve()
      }
    }
    const begin = performance.now()
    const { status } = await connection.ask(
      post("/messages/", { sender_id: sender, receiver_id: receiver, content })
    )
    if (status !== 200) throw new Error(`The send was answered with ${status}`)
    await Promise.race([everywhere.promise, sleep(PATIENCE_MS, undefined, { ref: false })])
    latencies.add(performance.now() - begin)
    missing += waiting
  }
  connection.close()
  const summary: LatencySummary & { readonly missing: number } = { ...latencies.summary(), missing }
  return summary
}
