import { once } from "node:events"
import { join } from "node:path"
import { Worker } from "node:worker_threads"
import { Effect, Fiber } from "effect"

export interface NeighbourOptions {
  readonly port: number
  readonly webSocketUrl: string
  /** The ids of the two users. */
  readonly sender: number
  readonly receiver: number
  /** How many messages measure how long one takes without a flood. */
  readonly quietMessages: number
}

export interface NeighbourReport {
  readonly sent: number
  /** The messages that the receiver got, in order. */
  readonly contents: ReadonlyArray<string>
  readonly seqs: ReadonlyArray<number>
  readonly failures: ReadonlyArray<string>
  /** 99 of 100 messages arrived within so many milliseconds: before the flood, and during it. */
  readonly quietP99: number
  readonly floodedP99: number
}

/**
 * Two users who chat beside the flood, as people do: one message at a time, waiting for each to arrive. They have a
 * thread of their own: what they wait for is the server, never the flood's own work. Done when it is known how long a
 * message takes in quiet.
 */
export const neighbour = Effect.fnUntraced(function* (options: NeighbourOptions) {
  const worker = yield* Effect.acquireRelease(
    Effect.sync(() => new Worker(join(import.meta.dirname, "NeighbourThread.ts"), { workerData: options })),
    (worker) => Effect.promise(() => worker.terminate())
  )
  const next = Effect.promise(async () => (await once(worker, "message"))[0])
  yield* next
  return {
    /** Chats until the flood is over, and answers how that went. */
    beside: <A>(flood: Effect.Effect<A>) =>
      Effect.gen(function* () {
        // It reports before the flood is over when something fails.
        const report = yield* Effect.forkChild(next, { startImmediately: true })
        const result = yield* flood
        worker.postMessage("over")
        return [result, (yield* Fiber.join(report)) as NeighbourReport] as const
      })
  }
})
