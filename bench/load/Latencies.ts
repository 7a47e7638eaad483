export interface LatencySummary {
  readonly p50: number
  readonly p99: number
  readonly max: number
}

/** Every latency of a run, in milliseconds; nothing is sampled or rounded. */
export class Latencies {
  readonly #values: Array<number> = []

  add(milliseconds: number): void {
    this.#values.push(milliseconds)
  }

  summary(): LatencySummary {
    const sorted = Float64Array.from(this.#values).sort()
    const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN
    return { p50: at(0.5), p99: at(0.99), max: at(1) }
  }
}
