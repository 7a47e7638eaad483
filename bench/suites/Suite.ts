import type { Measurement } from "../Measurement.ts"
import type { Scale, Session } from "../Session.ts"

export interface Suite<Name extends string = string> {
  readonly name: Name
  readonly about: string
  /** How many users the target needs before the suite starts. */
  readonly users: (scale: Scale) => number
  /** Done once for a target, before anything is measured. */
  readonly prepare?: (session: Session) => Promise<void>
  readonly run: (session: Session) => Promise<ReadonlyArray<Measurement>>
}

/** How long a case runs before it is measured: code is compiled, connections and caches are warm. */
export const warmUpSeconds = ({ seconds }: Scale): number => Math.min(2, seconds / 2)
