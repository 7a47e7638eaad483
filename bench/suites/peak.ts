import type { DeliveryResult } from "../load/Delivery.ts"
import type { Measurement } from "../Measurement.ts"
import { DELIVERY_USERS, measurementsOf, measureRate, openSockets } from "./delivery.ts"
import type { Suite } from "./Suite.ts"

const P99_LIMIT_MS = 250
const FIRST_RATE = 500
const LAST_RATE = 64_000
const HALVINGS = 3
// One hiccup of the machine must not decide.
const ATTEMPTS = 2

const isHeld = ({ p99, failed, unsent, lost }: DeliveryResult): boolean =>
  p99 < P99_LIMIT_MS && failed + unsent + lost === 0

/** Doubles the rate until it is not held, then halves the distance some times. */
export const peak: Suite<"peak"> = {
  name: "peak",
  about: `the highest rate delivered with p99 under ${P99_LIMIT_MS} ms`,
  users: () => DELIVERY_USERS,
  run: async (session) => {
    const { quick } = session.scale
    await openSockets(session)
    const measurements: Array<Measurement> = []
    const name = `highest rate, p99 under ${P99_LIMIT_MS} ms`
    let held = 0
    let broken = LAST_RATE
    const attempt = async (rate: number): Promise<void> => {
      for (let attempts = quick ? 1 : ATTEMPTS; attempts > 0; attempts--) {
        const { output, cost } = await measureRate(session, rate)
        if (!isHeld(output)) continue
        held = rate
        measurements.splice(0, measurements.length, ...measurementsOf(name, output, cost))
        return
      }
      broken = rate
    }
    for (let rate = FIRST_RATE; rate < broken; rate *= 2) await attempt(rate)
    for (let step = 0; held > 0 && step < (quick ? 0 : HALVINGS); step++) {
      await attempt(Math.round((held + broken) / 2))
    }
    return [{ case: name, metric: "rate", unit: "/s", better: "higher", value: held }, ...measurements]
  }
}
