import type { CommandName, Input, Output } from "./load/Commands.ts"
import { LoadProcess } from "./system/LoadProcess.ts"
import type { Postgres } from "./system/Postgres.ts"
import { cpuBetween, machineCpuSeconds } from "./system/Processes.ts"
import type { RedisServer } from "./system/RedisServer.ts"
import { ServerProcess } from "./system/ServerProcess.ts"
import type { Target } from "./Target.ts"

export interface Environment {
  readonly postgres: Postgres
  readonly redis: RedisServer
  readonly folder: string
  readonly signal: AbortSignal
  /** For each interval measured, the cores that were busy with anything but the parts of the bench. */
  readonly othersShares: Array<number>
}

export interface Scale {
  readonly quick: boolean
  readonly seconds: number
  readonly sockets: number
}

/** CPU seconds that an interval took from each part, and the interval's own length. */
export interface Cost {
  readonly seconds: number
  readonly server: number | undefined
  readonly database: number | undefined
  readonly redis: number
  readonly tool: number
}

/** One target, freshly started and alone on the machine, with a load process that is new as well. */
export class Session implements AsyncDisposable {
  readonly target: Target
  readonly scale: Scale
  readonly server: ServerProcess
  readonly #load: LoadProcess
  readonly #environment: Environment

  private constructor(target: Target, scale: Scale, server: ServerProcess, environment: Environment) {
    this.target = target
    this.scale = scale
    this.server = server
    this.#environment = environment
    this.#load = new LoadProcess(server.host, server.port, environment.signal)
  }

  static async start(target: Target, scale: Scale, environment: Environment): Promise<Session> {
    await environment.postgres.checkpoint()
    const logFile = `${environment.folder}/${target.label.replace(" ", "-")}.log`
    const { entry, env } = target
    const server = await ServerProcess.start({ entry, env, logFile }, environment.signal)
    return new Session(target, scale, server, environment)
  }

  get signal(): AbortSignal {
    return this.#environment.signal
  }

  async call<Name extends CommandName>(name: Name, input: Input<Name>): Promise<Output<Name>> {
    return (await this.#load.call(name, input)).output
  }

  async measure<Name extends CommandName>(
    name: Name,
    input: Input<Name>
  ): Promise<{ readonly output: Output<Name>; readonly cost: Cost }> {
    const before = await this.#sample()
    const { output, seconds, cpuSeconds } = await this.#load.call(name, input)
    const after = await this.#sample()
    const cost = {
      seconds,
      server: cpuBetween(before.server, after.server),
      database: cpuBetween(before.database, after.database),
      redis: after.redis - before.redis,
      tool: cpuSeconds
    }
    const known = (cost.server ?? 0) + (cost.database ?? 0) + cost.redis + cost.tool
    const machine = (after.machine ?? Number.NaN) - (before.machine ?? Number.NaN)
    this.#environment.othersShares.push((machine - known) / cost.seconds)
    return { output, cost }
  }

  async #sample() {
    const { postgres, redis } = this.#environment
    const { databaseUrl } = this.target
    return {
      server: this.server.cpuSeconds(),
      database: databaseUrl === undefined ? undefined : await postgres.cpuSeconds(databaseUrl),
      redis: await redis.cpuSeconds(),
      machine: machineCpuSeconds()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#load[Symbol.asyncDispose]()
    await this.server[Symbol.asyncDispose]()
  }
}
