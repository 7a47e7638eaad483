import { Effect, Result, Schema } from "effect"
import { WebSocket } from "ws"
import { ORDERED_CODES } from "../../../src/api/CloseCode.ts"
import { ServerFrame } from "../../../src/api/Protocol.ts"
import type { FuzzFrame } from "./Frames.ts"
import type { Random } from "./Random.ts"

export interface SocketReport {
  /** Frames that came back, by type, errors by code. */
  readonly replies: Record<string, number>
  readonly closes: Record<number, number>
  readonly failures: Array<string>
}

/** How many frames go out before their answers are waited for. */
const BURST = 10

const PATIENCE = 60_000

/** What a server may close a socket with for what its client sent. */
const EARNED = new Set([1007, 1008, 1009])

/** What a request of the flood beside it may order a user's sockets to be closed with. */
const ORDERED: ReadonlySet<number> = new Set(ORDERED_CODES)

const decode = Schema.decodeUnknownResult(Schema.fromJsonString(ServerFrame))

const count = <K extends string | number>(counts: Record<K, number>, key: K) => {
  counts[key] = (counts[key] ?? 0) + 1
}

/** Nobody's id. A send to it is refused by its `client_id`, after all that was sent before it was answered. */
const NOBODY = 2_147_483_647

class FuzzSocket {
  readonly socket: WebSocket
  readonly closed: Promise<void>
  private marks = 0
  private onMark: (() => void) | undefined

  constructor(url: string, protocols: Array<string>, report: SocketReport) {
    this.socket = new WebSocket(url, protocols)
    this.closed = new Promise((resolve) => {
      this.socket.on("close", (code) => {
        count(report.closes, code)
        if (!EARNED.has(code) && !ORDERED.has(code) && code !== 1000)
          report.failures.push(`closed with ${code}`)
        resolve()
      })
    })
    this.socket.on("error", () => {})
    this.socket.on("message", (data) => {
      const frame = decode(String(data))
      if (Result.isFailure(frame)) {
        report.failures.push(`not a frame of the protocol: ${data}`)
        return
      }
      const { success } = frame
      if (success.type === "error" && success.client_id === this.mark()) this.onMark?.()
      else count(report.replies, success.type === "error" ? `error ${success.code}` : success.type)
    })
  }

  private readonly mark = () => `mark ${this.marks}`

  readonly opened = () =>
    new Promise<void>((resolve, reject) => {
      this.socket.once("open", resolve)
      this.socket.once("error", reject)
    })

  /** Waits until all that was sent is answered, or the socket is closed. */
  readonly settled = () => {
    this.marks++
    const answered = new Promise<void>((resolve) => {
      this.onMark = resolve
    })
    const mark = { type: "send", receiver_id: NOBODY, content: "mark", client_id: this.mark() }
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(mark))
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error("a socket got no answer")), PATIENCE)
    })
    return Promise.race([answered, this.closed, late]).finally(() => clearTimeout(timer))
  }
}

/** Sends so many frames over a socket for each user, opening another where the server closed one. */
export const floodSockets = Effect.fnUntraced(function* (
  webSocketUrl: string,
  total: number,
  userIds: ReadonlyArray<number>,
  random: Random,
  next: () => FuzzFrame
) {
  const report: SocketReport = { replies: {}, closes: {}, failures: [] }
  let sent = 0

  const work = async (userId: number) => {
    let current: FuzzSocket | undefined
    while (sent < total) {
      if (current?.socket.readyState !== WebSocket.OPEN) {
        await current?.closed
        const protocols = random.pick([[], ["minichat.v1"], ["minichat.v2"]])
        const since = random.pick(["", "?since=0", "?since=999999"])
        current = new FuzzSocket(`${webSocketUrl}/ws/${userId}${since}`, protocols, report)
        await current.opened()
      }
      for (let i = 0; i < BURST && current.socket.readyState === WebSocket.OPEN; i++) {
        const { data, binary } = next()
        sent++
        if (random.chance(0.1) && data.length > 1) {
          const middle = random.below(data.length)
          current.socket.send(data.subarray(0, middle), { binary, fin: false })
          current.socket.send(data.subarray(middle), { binary, fin: true })
        } else current.socket.send(data, { binary })
      }
      await current.settled()
    }
    current?.socket.close(1000)
    await current?.closed
  }

  yield* Effect.forEach(
    userIds,
    (userId) =>
      Effect.promise(() =>
        work(userId).catch((error) => {
          report.failures.push(String(error))
        })
      ),
    { concurrency: "unbounded", discard: true }
  )
  return report
})
