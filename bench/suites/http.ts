import type { RequestKind } from "../load/Http.ts"
import { loopMeasurements, type Measurement } from "../Measurement.ts"
import type { Session } from "../Session.ts"
import { warmUpSeconds } from "./Suite.ts"

/** One client alone would not get a server's code compiled before it is measured. */
const WARM_UP_CLIENTS = 16

export const measureHttp = async (
  session: Session,
  name: string,
  kind: RequestKind,
  users: ReadonlyArray<number>,
  clients: number
): Promise<ReadonlyArray<Measurement>> => {
  const { seconds } = session.scale
  await session.call("http", {
    kind,
    users,
    clients: Math.max(clients, WARM_UP_CLIENTS),
    seconds: warmUpSeconds(session.scale)
  })
  const { output, cost } = await session.measure("http", { kind, users, clients, seconds })
  return loopMeasurements(name, output, cost)
}
