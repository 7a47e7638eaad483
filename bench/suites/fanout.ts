import { costOf, count, type Measurement } from "../Measurement.ts"
import type { Suite } from "./Suite.ts"

const SOCKETS = 1_000
const MESSAGES = 50
const QUICK_MESSAGES = 10

export const fanout: Suite<"fanout"> = {
  name: "fanout",
  about: "one message to 1,000 sockets of one user",
  users: () => 2,
  run: async (session) => {
    const [sender, receiver] = session.target.users as [number, number]
    const messages = session.scale.quick ? QUICK_MESSAGES : MESSAGES
    const send = (run: string) => ({ sender, receiver, messages, run })
    await session.call("open", { users: [receiver], count: SOCKETS })
    await session.call("fanOut", send("warm"))
    const { output, cost } = await session.measure("fanOut", send("measured"))
    await session.call("close", undefined)
    const name = "one message to 1,000 sockets"
    const measurements: ReadonlyArray<Measurement> = [
      { case: name, metric: "p50", unit: "ms", better: "lower", value: output.p50 },
      { case: name, metric: "max", unit: "ms", better: "lower", value: output.max },
      { ...count(name, "missing", output.missing), shownWhenZero: true },
      ...costOf(name, messages, cost)
    ]
    return measurements
  }
}
