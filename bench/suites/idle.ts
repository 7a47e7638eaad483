import { setTimeout as sleep } from "node:timers/promises"
import { costOf, type Measurement } from "../Measurement.ts"
import { settleSeconds } from "./HeldMemory.ts"
import type { Suite } from "./Suite.ts"

const WARM_UP_SOCKETS = 200

/** Each socket is a user of its own: the harder case, because nothing of a user is shared between sockets. */
export const idle: Suite<"idle"> = {
  name: "idle",
  about: "connect rate, and the server's memory and CPU while the sockets idle",
  users: ({ sockets }) => sockets,
  run: async (session) => {
    const { sockets } = session.scale
    const users = session.target.users.slice(0, sockets)
    const settle = settleSeconds(session.scale)
    await session.call("open", { users, count: Math.min(WARM_UP_SOCKETS, sockets) })
    await session.call("close", undefined)
    await sleep(settle * 1000, undefined, { signal: session.signal })

    const before = session.server.residentBytes()
    const { output: opened, cost } = await session.measure("open", { users, count: sockets })
    await sleep(settle * 1000, undefined, { signal: session.signal })
    const after = session.server.residentBytes()
    const idleCost = await session.measure("countOpenAfter", settle)
    await session.call("close", undefined)
    const stillOpen = idleCost.output
    if (stillOpen !== sockets)
      throw new Error(`${sockets - stillOpen} of ${sockets} idle sockets were closed`)

    const name = `${sockets.toLocaleString("en")} sockets`
    const connect = `${name}, connecting`
    const idling = `${name}, idle`
    const measurements: Array<Measurement> = [
      { case: connect, metric: "rate", unit: "/s", better: "higher", value: opened.rate },
      { case: connect, metric: "p99", unit: "ms", better: "lower", value: opened.p99 },
      ...costOf(connect, sockets, cost)
    ]
    if (before !== undefined && after !== undefined) {
      const value = (after - before) / sockets / 1024
      measurements.push({ case: idling, metric: "memory a socket", unit: "KiB", better: "lower", value })
    }
    if (idleCost.cost.server !== undefined) {
      const value = (idleCost.cost.server / idleCost.cost.seconds) * 100
      measurements.push({ case: idling, metric: "server CPU", unit: "% of a core", better: "lower", value })
    }
    return measurements
  }
}
