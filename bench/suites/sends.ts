import { PEERS } from "../load/Pairs.ts"
import type { Measurement } from "../Measurement.ts"
import type { Scale } from "../Session.ts"
import { measureHttp } from "./http.ts"
import type { Suite } from "./Suite.ts"

const USERS = 1_000
const QUICK_USERS = 200

const usersOf = ({ quick }: Scale): number => (quick ? QUICK_USERS : USERS)

export const sends: Suite<"sends"> = {
  name: "sends",
  about: "POST /messages/ at 1, 16, 64 and 256 clients",
  users: usersOf,
  // A first message makes a conversation: what is measured is the ones that follow.
  prepare: (session) =>
    session.call("seedMessages", {
      users: session.target.users.slice(0, usersOf(session.scale)),
      count: PEERS
    }),
  run: async (session) => {
    const measurements: Array<Measurement> = []
    const users = session.target.users.slice(0, usersOf(session.scale))
    for (const clients of session.scale.quick ? [1, 64] : [1, 16, 64, 256]) {
      const name = `send, ${clients} ${clients === 1 ? "client" : "clients"}`
      measurements.push(...(await measureHttp(session, name, "send", users, clients)))
    }
    return measurements
  }
}
