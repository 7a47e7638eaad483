import { setTimeout as sleep } from "node:timers/promises"
import type { Measurement } from "../Measurement.ts"
import type { Session } from "../Session.ts"
import { heldHeap, settleSeconds } from "./HeldMemory.ts"
import type { Suite } from "./Suite.ts"

const WARM_UP_POLLS = 200

const hasPolls = async ({ server, target, signal }: Session): Promise<boolean> => {
  const path = `/users/${target.users[0]}/events?since=0`
  const response = await fetch(`http://${server.host}:${server.port}${path}`, { signal })
  return (await response.text()).includes('"cursor"')
}

/** As many polls as there are idle sockets, so that the two can be compared. The baseline has no polls, and no line. */
export const polls: Suite<"polls"> = {
  name: "polls",
  about: "the server's heap while long polls wait, beside that of as many idle sockets",
  users: ({ sockets }) => sockets,
  run: async (session) => {
    if (!(await hasPolls(session))) return []
    const { sockets: count } = session.scale
    const users = session.target.users.slice(0, count)
    const settle = settleSeconds(session.scale)

    const pollsOf = async (some: ReadonlyArray<number>): Promise<void> => {
      await session.call("openPolls", some)
      const waiting = await session.call("countPollsAfter", settle)
      if (waiting !== some.length)
        throw new Error(`${some.length - waiting} of ${some.length} polls were answered`)
    }
    await pollsOf(users.slice(0, WARM_UP_POLLS))
    await session.call("closePolls", undefined)
    await sleep(settle * 1000, undefined, { signal: session.signal })
    const ofPolls = await heldHeap(session, "poll", count, () => pollsOf(users))
    await session.call("closePolls", undefined)
    await sleep(settle * 1000, undefined, { signal: session.signal })

    const ofSockets = await heldHeap(session, "socket", count, async () => {
      await session.call("open", { users, count })
      await sleep(settle * 1000, undefined, { signal: session.signal })
    })
    await session.call("close", undefined)
    const name = `${count.toLocaleString("en")} polls, waiting`
    return [...ofPolls, ...ofSockets].map((line): Measurement => ({ ...line, case: name }))
  }
}
