import { Latencies, type LatencySummary } from "./Latencies.ts"

export interface LoopResult extends LatencySummary {
  /** Operations a second that succeeded within the time. */
  readonly rate: number
  /** All operations that succeeded, with those in flight when the time was up. */
  readonly completed: number
  readonly failed: number
}

/** `clients` clients that each start their next operation when the last one is answered, for `seconds`. */
export const closedLoop = (
  clients: number,
  seconds: number,
  operate: (client: number, n: number, done: (succeeded: boolean) => void) => void
): Promise<LoopResult> =>
  new Promise((resolve) => {
    const latencies = new Latencies()
    const deadline = performance.now() + seconds * 1000
    let started = 0
    let inTime = 0
    let completed = 0
    let failed = 0
    let active = clients

    const next = (client: number): void => {
      const begin = performance.now()
      operate(client, started++, (succeeded) => {
        const end = performance.now()
        if (succeeded) {
          latencies.add(end - begin)
          completed++
          if (end <= deadline) inTime++
        } else {
          failed++
        }
        if (end < deadline) next(client)
        else if (--active === 0)
          resolve({ ...latencies.summary(), rate: inTime / seconds, completed, failed })
      })
    }
    for (let client = 0; client < clients; client++) next(client)
  })
