import type { LoopResult } from "./load/ClosedLoop.ts"
import type { Cost } from "./Session.ts"

export type Better = "higher" | "lower"

export interface Measurement {
  readonly case: string
  readonly metric: string
  readonly unit: string
  /** Which of two values is the better one; without it the value is printed, not compared. */
  readonly better?: Better
  readonly value: number
  /** Rounds of a count are added up: what happened in one of them is not hidden by the others. */
  readonly isCount?: boolean
  /** Counts of what must not happen take a line in the table only when it happened. */
  readonly shownWhenZero?: boolean
}

export const count = (name: string, metric: string, value: number): Measurement => ({
  case: name,
  metric,
  unit: "",
  better: "lower",
  value,
  isCount: true,
  shownWhenZero: false
})

/** What an operation costs, by who pays; a part that cannot be read on this machine is left out. */
export const costOf = (name: string, operations: number, cost: Cost): ReadonlyArray<Measurement> => {
  const parts: ReadonlyArray<readonly [string, number | undefined]> = [
    ["server CPU", cost.server],
    ["database CPU", cost.database],
    ["Redis CPU", cost.redis]
  ]
  const paid = parts.flatMap(([metric, seconds]): Array<Measurement> => {
    if (seconds === undefined || operations === 0) return []
    return [{ case: name, metric, unit: "s / 1,000", better: "lower", value: (seconds * 1000) / operations }]
  })
  return [...paid, toolShare(name, cost)]
}

/** The share of one core that the load tool used: near 100 % it would measure itself. */
export const toolShare = (name: string, cost: Cost): Measurement => ({
  case: name,
  metric: "load tool",
  unit: "% of a core",
  value: (cost.tool / cost.seconds) * 100
})

export const loopMeasurements = (name: string, loop: LoopResult, cost: Cost): ReadonlyArray<Measurement> => [
  { case: name, metric: "rate", unit: "/s", better: "higher", value: loop.rate },
  { case: name, metric: "p50", unit: "ms", better: "lower", value: loop.p50 },
  { case: name, metric: "p99", unit: "ms", better: "lower", value: loop.p99 },
  ...costOf(name, loop.completed, cost),
  count(name, "failed", loop.failed)
]
