import type { ServerProcess } from "../system/ServerProcess.ts"
import type { Probe } from "./Client.ts"

/** What a measurement runs on: a server, a database and a Redis of its own. */
export interface Case {
  readonly server: ServerProcess
  readonly databaseUrl: string
  /** A token with the scope `service`. */
  readonly service: string
  /** What the names of the parts begin with that are measured; empty for all. */
  readonly only: string
}

/** A measurement, and the settings of its server. */
export interface Measurement {
  readonly env: Record<string, string>
  readonly run: (one: Case) => Promise<void>
}

/** For how long each load is there. */
export const SECONDS = 8

export const show = (what: string, { p50, p99, max, failed }: Probe) =>
  console.log(
    `${what.padEnd(56)} p50 ${p50.toFixed(1)}  p99 ${p99.toFixed(1)}  longest ${max.toFixed(0)} ms, ${failed} failed`
  )
