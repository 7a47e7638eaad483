import type { RequestKind } from "../load/Http.ts"
import { loopMeasurements, type Measurement } from "../Measurement.ts"
import type { Session } from "../Session.ts"
import { warmUpSeconds } from "./Suite.ts"

export const measureHttp = async (
  session: Session,
  name: string,
  kind: RequestKind,
  users: ReadonlyArray<number>,
  clients: number
): Promise<ReadonlyArray<Measurement>> => {
  const { seconds } = session.scale
  await session.call("http", { kind, users, clients, seconds: warmUpSeconds(session.scale) })
  const { output, cost } = await session.measure("http", { kind, users, clients, seconds })
  return loopMeasurements(name, output, cost)
}
