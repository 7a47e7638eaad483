import type { DeliveryResult } from "../load/Delivery.ts"
import { costOf, count, type Measurement } from "../Measurement.ts"
import type { Cost, Session } from "../Session.ts"
import { type Suite, warmUpSeconds } from "./Suite.ts"

export const DELIVERY_USERS = 200
const WARM_UP_RATE = 500

const runId = (): string => crypto.randomUUID().slice(0, 8)

export const measureRate = async (session: Session, rate: number) => {
  const users = session.target.users.slice(0, DELIVERY_USERS)
  return session.measure("deliver", { users, rate, seconds: session.scale.seconds, run: runId() })
}

export const openSockets = async (session: Session): Promise<void> => {
  const users = session.target.users.slice(0, DELIVERY_USERS)
  await session.call("open", { users, count: DELIVERY_USERS })
  await session.call("deliver", {
    users,
    rate: WARM_UP_RATE,
    seconds: warmUpSeconds(session.scale),
    run: runId()
  })
}

const guarantees = (name: string, result: DeliveryResult): ReadonlyArray<Measurement> => [
  count(name, "failed", result.failed),
  count(name, "unsent", result.unsent),
  { ...count(name, "lost", result.lost), shownWhenZero: true },
  { ...count(name, "repeated", result.repeated), shownWhenZero: true },
  { ...count(name, "reordered", result.reordered), shownWhenZero: true }
]

export const measurementsOf = (
  name: string,
  result: DeliveryResult,
  cost: Cost
): ReadonlyArray<Measurement> => [
  { case: name, metric: "p50", unit: "ms", better: "lower", value: result.p50 },
  { case: name, metric: "p99", unit: "ms", better: "lower", value: result.p99 },
  { case: name, metric: "max", unit: "ms", better: "lower", value: result.max },
  ...guarantees(name, result),
  ...costOf(name, result.completed, cost),
  { case: name, metric: "load tool late", unit: "ms", value: result.lag }
]

export const delivery: Suite<"delivery"> = {
  name: "delivery",
  about: "from a send being due to its arrival on a socket, at fixed rates",
  users: () => DELIVERY_USERS,
  run: async (session) => {
    const measurements: Array<Measurement> = []
    await openSockets(session)
    for (const rate of session.scale.quick ? [500] : [100, 500, 1_000, 2_000]) {
      const { output, cost } = await measureRate(session, rate)
      measurements.push(...measurementsOf(`delivery at ${rate.toLocaleString("en")}/s`, output, cost))
    }
    return measurements
  }
}
