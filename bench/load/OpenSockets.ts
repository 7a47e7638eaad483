import { setTimeout as sleep } from "node:timers/promises"
import { ChatSocket } from "./ChatSocket.ts"
import { Latencies, type LatencySummary } from "./Latencies.ts"

const OPENING_AT_ONCE = 64

/** The sockets that this process holds between two commands, in the order of their users. */
export const openSockets: Array<ChatSocket> = []

export interface Opening {
  readonly users: ReadonlyArray<number>
  readonly count: number
  /** That of the original wire contract when it is left out. */
  readonly subprotocol?: string
}

/** Opens `count` sockets, for each user in turn, and waits until all are greeted. */
export const open = async ({
  users,
  count,
  subprotocol
}: Opening): Promise<LatencySummary & { readonly rate: number }> => {
  const latencies = new Latencies()
  const begin = performance.now()
  let next = 0
  const opener = async (): Promise<void> => {
    while (next < count) {
      const n = next++
      const start = performance.now()
      openSockets[n] = await ChatSocket.open(users[n % users.length]!, n, subprotocol)
      latencies.add(performance.now() - start)
    }
  }
  await Promise.all(Array.from({ length: OPENING_AT_ONCE }, opener))
  return { ...latencies.summary(), rate: count / ((performance.now() - begin) / 1000) }
}

/** How many sockets are still open after `seconds` of doing nothing. */
export const countOpenAfter = async (seconds: number): Promise<number> => {
  await sleep(seconds * 1000)
  return openSockets.filter(({ isOpen }) => isOpen).length
}

export const close = async (): Promise<void> => {
  await Promise.all(openSockets.splice(0).map((socket) => socket.close()))
}
