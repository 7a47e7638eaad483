import type { Measurement } from "../Measurement.ts"
import type { Session } from "../Session.ts"
import { measureHttp } from "./http.ts"
import type { Suite } from "./Suite.ts"

const USERS = 100
const QUICK_USERS = 10
const MESSAGES_A_USER = 50
const CLIENTS = 64

const CASES = [
  ["user", "user"],
  ["history", "history page of 50"],
  ["recent", "recent list of 50"],
  ["health", "health"]
] as const

const QUICK_CASES = CASES.slice(0, 3)

const readersOf = ({ target, scale }: Session): ReadonlyArray<number> =>
  target.users.slice(0, scale.quick ? QUICK_USERS : USERS)

export const reads: Suite<"reads"> = {
  name: "reads",
  about: "user, history page, recent list and health at 64 clients",
  users: () => USERS,
  prepare: async (session) => {
    const count = MESSAGES_A_USER
    await session.call("seedMessages", { users: readersOf(session), count })
  },
  run: async (session) => {
    const measurements: Array<Measurement> = []
    const users = readersOf(session)
    for (const [kind, name] of session.scale.quick ? QUICK_CASES : CASES) {
      measurements.push(...(await measureHttp(session, `${name}, ${CLIENTS} clients`, kind, users, CLIENTS)))
    }
    return measurements
  }
}
