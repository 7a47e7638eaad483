import { setTimeout as sleep } from "node:timers/promises"
import { HttpConnection } from "./HttpConnection.ts"
import { Latencies, type LatencySummary } from "./Latencies.ts"
import { openSockets } from "./OpenSockets.ts"
import { pairOf } from "./Pairs.ts"
import { post } from "./Requests.ts"

const CONNECTIONS = 256
const STRAGGLER_PATIENCE_MS = 5_000

export interface DeliveryLoad {
  /** The users of the open sockets, in their order. */
  readonly users: ReadonlyArray<number>
  readonly rate: number
  readonly seconds: number
  /** Distinguishes the messages of this run from late ones of another. */
  readonly run: string
}

export interface DeliveryResult extends LatencySummary {
  readonly completed: number
  readonly failed: number
  /** Due, but not sent when the time was up: the server did not keep the rate. */
  readonly unsent: number
  /** Acknowledged, but never delivered. */
  readonly lost: number
  readonly repeated: number
  /** Delivered after a message with a greater id. */
  readonly reordered: number
  /** How late the tool itself was at worst. */
  readonly lag: number
}

/**
 * Messages are due at a fixed rate, however fast the server is, and a latency counts from the moment at which
 * a message was due: what waits for a slow server counts as waiting.
 */
export const deliver = async ({ users, rate, seconds, run }: DeliveryLoad): Promise<DeliveryResult> => {
  const total = Math.round(rate * seconds)
  const latencies = new Latencies()
  const received = new Uint16Array(total)
  const acknowledged = new Uint8Array(total)
  const counts = { completed: 0, failed: 0, inFlight: 0, delivered: 0, repeated: 0, reordered: 0 }
  const begin = performance.now()
  const dueAt = (n: number): number => begin + (n / rate) * 1000

  for (const socket of openSockets) {
    let newest = 0
    socket.onFrame = (frame) => {
      if (frame.type !== "message" || !frame.content?.startsWith(run)) return
      const n = Number(frame.content.slice(run.length + 1))
      latencies.add(performance.now() - dueAt(n))
      received[n]!++
      if (received[n] === 1) counts.delivered++
      else counts.repeated++
      if (frame.id! < newest) counts.reordered++
      newest = Math.max(newest, frame.id!)
    }
  }

  const idle = Array.from({ length: CONNECTIONS }, () => new HttpConnection())
  const connections = [...idle]
  let due = 0
  let sent = 0
  const sendDue = (): void => {
    while (sent < due) {
      const connection = idle.pop()
      if (connection === undefined) return
      const n = sent++
      const { sender, receiver } = pairOf(users, n)
      const message = { sender_id: sender, receiver_id: receiver, content: `${run} ${n}` }
      counts.inFlight++
      connection.send(post("/messages/", message), ({ status }) => {
        counts.inFlight--
        if (status === 200) {
          counts.completed++
          acknowledged[n] = 1
        } else {
          counts.failed++
        }
        idle.push(connection)
        sendDue()
      })
    }
  }

  let lag = 0
  while (due < total) {
    const now = performance.now()
    lag = Math.max(lag, now - dueAt(due))
    due = Math.min(total, 1 + Math.floor(((now - begin) / 1000) * rate))
    sendDue()
    await sleep(Math.max(0, dueAt(due) - performance.now()))
  }
  const unsent = due - sent
  due = sent

  let progress = -1
  let patience = performance.now() + STRAGGLER_PATIENCE_MS
  while (counts.inFlight > 0 || counts.delivered < counts.completed) {
    if (counts.delivered + counts.completed > progress) {
      progress = counts.delivered + counts.completed
      patience = performance.now() + STRAGGLER_PATIENCE_MS
    }
    if (performance.now() > patience) break
    await sleep(10)
  }
  for (const connection of connections) connection.close()
  const lost = acknowledged.reduce(
    (sum, sentOnce, n) => sum + (sentOnce === 1 && received[n] === 0 ? 1 : 0),
    0
  )
  const { completed, failed, repeated, reordered } = counts
  return { ...latencies.summary(), completed, failed, unsent, lost, repeated, reordered, lag }
}
