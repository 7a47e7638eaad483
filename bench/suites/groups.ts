import { costOf, count, type Measurement } from "../Measurement.ts"
import type { Session } from "../Session.ts"
import { type Suite, warmUpSeconds } from "./Suite.ts"

/** The sizes of the groups, and the messages a second at which both servers are compared. */
const GROUPS = [
  { size: 10, rate: 200 },
  { size: 100, rate: 20 },
  { size: 1_000, rate: 2 }
] as const

const QUICK_GROUPS = GROUPS.slice(0, 2)

/** The size of the group beside whose messages direct sends are measured. */
const LARGE = 1_000

const DIRECT_RATE = 50
const CLIENTS = 16

/** The members of all groups, and one user beside them. */
const USERS = LARGE + 1

const runId = (): string => crypto.randomUUID().slice(0, 8)

const measureGroup = async (session: Session, size: number, rate: number) => {
  const { seconds } = session.scale
  const members = session.target.users.slice(0, size)
  const conversation = await session.call("createGroup", { owner: members[0]!, members: members.slice(1) })
  await session.call("open", { users: members, count: size, subprotocol: "minichat.v2" })
  const load = { conversation, members, seconds }
  const busy = { ...load, pace: { clients: CLIENTS } }
  await session.call("groupSends", { ...busy, seconds: warmUpSeconds(session.scale), run: runId() })

  const measurements: Array<Measurement> = []
  const name = `group of ${size.toLocaleString("en")}`
  const full = await session.measure("groupSends", { ...busy, run: runId() })
  measurements.push(
    { case: name, metric: "rate", unit: "/s", better: "higher", value: full.output.group.rate },
    ...costOf(name, full.output.group.completed, full.cost),
    count(name, "failed", full.output.group.failed),
    { ...count(name, "lost", full.output.group.lost), shownWhenZero: true }
  )

  const at = `${name} at ${rate}/s`
  const even = await session.measure("groupSends", { ...load, pace: { rate }, run: runId() })
  measurements.push(
    { case: at, metric: "p50", unit: "ms", better: "lower", value: even.output.group.p50 },
    { case: at, metric: "p99", unit: "ms", better: "lower", value: even.output.group.p99 },
    ...costOf(at, even.output.group.completed, even.cost),
    count(at, "failed", even.output.group.failed),
    { ...count(at, "lost", even.output.group.lost), shownWhenZero: true }
  )

  if (size === LARGE) {
    const direct = { sender: session.target.users[LARGE]!, rate: DIRECT_RATE }
    for (const [beside, pace] of [
      [`direct send beside a ${at}`, { rate }],
      [`direct send beside a busy ${name}`, busy.pace]
    ] as const) {
      const { output } = await session.measure("groupSends", { ...load, pace, direct, run: runId() })
      measurements.push(
        { case: beside, metric: "p50", unit: "ms", better: "lower", value: output.direct.p50 },
        { case: beside, metric: "p99", unit: "ms", better: "lower", value: output.direct.p99 },
        { case: beside, metric: "group rate", unit: "/s", better: "higher", value: output.group.rate },
        count(beside, "failed", output.direct.failed + output.group.failed),
        { ...count(beside, "lost", output.direct.lost + output.group.lost), shownWhenZero: true }
      )
    }
  }
  await session.call("close", undefined)
  return measurements
}

export const groups: Suite<"groups"> = {
  name: "groups",
  about: "a message to groups of 10, 100 and 1,000, and to one member meanwhile",
  users: () => USERS,
  run: async (session) => {
    const measurements: Array<Measurement> = []
    for (const { size, rate } of session.scale.quick ? QUICK_GROUPS : GROUPS) {
      measurements.push(...(await measureGroup(session, size, rate)))
    }
    return measurements
  }
}
