import type { Measurement } from "./Measurement.ts"
import type { SuiteName } from "./suites/all.ts"

export interface Values {
  readonly median: number
  readonly total: number
  readonly rounds: ReadonlyArray<number>
}

export interface Line extends Omit<Measurement, "value"> {
  readonly suite: SuiteName
  readonly a: Values | undefined
  readonly b: Values | undefined
  /** a / b, of the medians; counts have none. */
  readonly ratio: number | undefined
}

export interface Failure {
  readonly suite: SuiteName
  readonly target: string
  readonly round: number
  readonly reason: string
}

export interface Report {
  readonly environment: Readonly<Record<string, string | number>>
  readonly targets: readonly [a: string, b: string]
  readonly calibration: ReadonlyArray<Measurement>
  readonly lines: ReadonlyArray<Line>
  /** Cores that other work on the machine kept busy while the bench measured: what it measured then is doubtful. */
  readonly others: Values | undefined
  readonly failures: ReadonlyArray<Failure>
}

export const valuesOf = (rounds: ReadonlyArray<number>): Values | undefined => {
  if (rounds.length === 0) return undefined
  const sorted = rounds.toSorted((left, right) => left - right)
  const middle = sorted.length / 2
  const median = (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2
  return { median, total: rounds.reduce((sum, value) => sum + value, 0), rounds }
}

/** Gathers what the rounds measured, and puts the two targets side by side. */
export class Measurements {
  readonly #lines = new Map<string, { line: Omit<Line, "a" | "b" | "ratio">; rounds: [number[], number[]] }>()

  add(suite: SuiteName, target: 0 | 1, measurements: ReadonlyArray<Measurement>): void {
    for (const { value, ...measurement } of measurements) {
      const key = `${measurement.case}\n${measurement.metric}`
      const entry = this.#lines.get(key) ?? { line: { suite, ...measurement }, rounds: [[], []] }
      entry.rounds[target].push(value)
      this.#lines.set(key, entry)
    }
  }

  lines(): ReadonlyArray<Line> {
    return [...this.#lines.values()].map(({ line, rounds }) => {
      const [a, b] = [valuesOf(rounds[0]), valuesOf(rounds[1])]
      const comparable = !line.isCount && a !== undefined && b !== undefined && b.median > 0
      return { ...line, a, b, ratio: comparable ? a.median / b.median : undefined }
    })
  }
}
