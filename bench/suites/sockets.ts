import { loopMeasurements, type Measurement } from "../Measurement.ts"
import { type Suite, warmUpSeconds } from "./Suite.ts"

const USERS = 256

export const sockets: Suite<"sockets"> = {
  name: "sockets",
  about: "sends over 1, 64 and 256 WebSockets, each to the next one's user",
  users: () => USERS,
  run: async (session) => {
    const measurements: Array<Measurement> = []
    const { quick, seconds } = session.scale
    for (const count of quick ? [64] : [1, 64, 256]) {
      // One socket alone sends to a user without a socket.
      const users = session.target.users.slice(0, Math.max(2, count))
      await session.call("open", { users, count })
      const run = (): string => crypto.randomUUID().slice(0, 8)
      await session.call("socketSends", { users, seconds: warmUpSeconds(session.scale), run: run() })
      const { output, cost } = await session.measure("socketSends", { users, seconds, run: run() })
      await session.call("close", undefined)
      const name = `socket send, ${count} ${count === 1 ? "socket" : "sockets"}`
      measurements.push(...loopMeasurements(name, output, cost))
    }
    return measurements
  }
}
