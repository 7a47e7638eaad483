import { parseArgs } from "node:util"
import { type SuiteName, suites } from "./suites/all.ts"

export interface Options {
  readonly target: "server" | "baseline"
  readonly only: ReadonlyArray<SuiteName>
  readonly quick: boolean
  readonly json: boolean
  readonly seconds: number
  readonly rounds: number
  readonly sockets: number
  readonly workers: number
}

const HELP = `Compares the server with a hand-written baseline on this machine.

  npm run bench -- [options]

  --only LIST        some suites, separated by commas:
${suites.map(({ name, about }) => `                       ${name.padEnd(10)} ${about}`).join("\n")}
  --target baseline  compare the baseline with itself: what differs is noise
  --seconds N        seconds a case is measured (5)
  --rounds N         rounds; each loads both servers in turn (3)
  --sockets N        idle sockets, and waiting polls (10000)
  --workers N        WORKERS of both servers (1)
  --quick            a smoke run of under a minute: short, one round, fewer cases
  --json             the result as one JSON object on stdout
  --help             this text

TEST_DATABASE_URL  a PostgreSQL server where databases may be created (postgresql://USER@127.0.0.1:5432/postgres)
TEST_REDIS_URL     a Redis with two empty logical databases (a redis-server of its own, if that is installed)
`

const positive = (name: string, value: string, parse: (value: string) => number): number => {
  const parsed = parse(value)
  if (!(parsed > 0 && Number.isFinite(parsed)))
    throw new Error(`--${name} takes a number above 0, not "${value}"`)
  return parsed
}

const wholeNumber = (value: string): number => (/^\d+$/.test(value) ? Number(value) : Number.NaN)

const suiteNames = (list: string): ReadonlyArray<SuiteName> =>
  list.split(",").map((name) => {
    const suite = suites.find((suite) => suite.name === name.trim())
    if (suite === undefined) {
      throw new Error(`--only knows ${suites.map(({ name }) => name).join(", ")}, not "${name}"`)
    }
    return suite.name
  })

/** `undefined` when help was asked for, and printed. */
export const readOptions = (args: ReadonlyArray<string>): Options | undefined => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: "boolean", short: "h", default: false },
      json: { type: "boolean", default: false },
      quick: { type: "boolean", default: false },
      only: { type: "string", default: suites.map(({ name }) => name).join(",") },
      target: { type: "string", default: "server" },
      seconds: { type: "string" },
      rounds: { type: "string" },
      sockets: { type: "string" },
      workers: { type: "string", default: "1" }
    }
  })
  if (values.help) {
    process.stdout.write(HELP)
    return undefined
  }
  const { target, quick, json } = values
  if (target !== "server" && target !== "baseline") throw new Error("--target takes server or baseline")
  return {
    target,
    only: suiteNames(values.only),
    quick,
    json,
    seconds: positive("seconds", values.seconds ?? (quick ? "0.5" : "5"), Number),
    rounds: positive("rounds", values.rounds ?? (quick ? "1" : "3"), wholeNumber),
    sockets: positive("sockets", values.sockets ?? (quick ? "500" : "10000"), wholeNumber),
    workers: positive("workers", values.workers, wholeNumber)
  }
}
