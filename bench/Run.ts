import { availableParallelism, cpus, release, type } from "node:os"
import type { Measurement } from "./Measurement.ts"
import type { Options } from "./Options.ts"
import { type Failure, Measurements, type Report, valuesOf } from "./Report.ts"
import { type Environment, type Scale, Session } from "./Session.ts"
import { suites } from "./suites/all.ts"
import { measureHttp } from "./suites/http.ts"
import type { Suite } from "./suites/Suite.ts"
import { constantTarget, makeTargets, type Target } from "./Target.ts"

const CALIBRATION_CLIENTS = 64

const progress = (text: string): void => {
  process.stderr.write(`${text}\n`)
}

const describe = async ({ seconds, rounds, workers }: Options, { postgres, redis }: Environment) => ({
  Node: process.version,
  cores: `${availableParallelism()} (${cpus()[0]?.model ?? "unknown"})`,
  system: `${type()} ${release()}`,
  PostgreSQL: await postgres.version(),
  Redis: await redis.version(),
  seconds,
  rounds,
  workers
})

const calibrate = async (scale: Scale, environment: Environment): Promise<ReadonlyArray<Measurement>> => {
  await using session = await Session.start(constantTarget, scale, environment)
  const measurements = await measureHttp(session, "calibration", "health", [1], CALIBRATION_CLIENTS)
  return measurements.filter(({ metric }) => ["rate", "p99", "load tool"].includes(metric))
}

/** What suites need is made before anything is measured, by a process that then ends: every round starts alike. */
const prepare = async (
  target: Target,
  selected: ReadonlyArray<Suite>,
  scale: Scale,
  environment: Environment
): Promise<void> => {
  await using session = await Session.start(target, scale, environment)
  const count = Math.max(...selected.map(({ users }) => users(scale)))
  target.users = await session.call("createUsers", { count, prefix: "bench" })
  for (const { prepare } of selected) await prepare?.(session)
}

export const run = async (options: Options, environment: Environment): Promise<Report> => {
  const { seconds, sockets, quick, rounds } = options
  const scale: Scale = { seconds, sockets, quick }
  const selected = suites.filter(({ name }) => options.only.includes(name))
  const description = await describe(options, environment)
  progress(
    Object.entries(description)
      .map(([name, value]) => `${name}: ${value}`)
      .join("; ")
  )

  progress("calibrating the load tool")
  const calibration = await calibrate(scale, environment)
  const targets = await makeTargets(options, environment.postgres, environment.redis)
  for (const target of targets) {
    progress(`preparing ${target.label}`)
    await prepare(target, selected, scale, environment)
  }

  const measurements = new Measurements()
  const failures: Array<Failure> = []
  for (const suite of selected) {
    for (let round = 1; round <= rounds; round++) {
      for (const index of [0, 1] as const) {
        const target = targets[index]
        progress(`${suite.name}: ${target.label}, round ${round} of ${rounds}`)
        try {
          await using session = await Session.start(target, scale, environment)
          measurements.add(suite.name, index, await suite.run(session))
        } catch (error) {
          environment.signal.throwIfAborted()
          const reason = error instanceof Error ? error.message : String(error)
          progress(`FAILED: ${reason}`)
          failures.push({ suite: suite.name, target: target.label, round, reason })
        }
      }
    }
  }
  return {
    environment: description,
    targets: [targets[0].label, targets[1].label],
    calibration,
    lines: measurements.lines(),
    others: valuesOf(environment.othersShares.filter(Number.isFinite)),
    failures
  }
}
