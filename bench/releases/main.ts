import { access, mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { parseArgs } from "node:util"
import type { RequestKind } from "../load/Http.ts"
import { PEERS } from "../load/Pairs.ts"
import { valuesOf } from "../Report.ts"
import { type Environment, Session } from "../Session.ts"
import { Postgres } from "../system/Postgres.ts"
import { RedisServer } from "../system/RedisServer.ts"
import { makeTarget, type Target } from "../Target.ts"

/**
 * This server beside another release of it, from a checkout with its dependencies installed. Both run at once, each with a database and a
 * Redis database of its own, and are loaded in turns of `--seconds`: what else the machine does meanwhile meets both alike. A
 * ratio is the median over the turns of this server's rate by the rate of the other in the turn beside it.
 */
const HELP = `npm run bench:releases -- FOLDER [options]

  FOLDER          a checkout of another release, with npm ci done
  --only LIST     some of send, user, history, recent, health (all)
  --turns N       turns of each server (12)
  --seconds N     seconds of a turn (1.5)
  --clients N     clients (64)
`

const KINDS: ReadonlyArray<RequestKind> = ["send", "user", "history", "recent", "health"]
const USERS = 1_000
const READERS = 100
const MESSAGES_A_READER = 50
const WARM_UP_TURNS = 3

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    help: { type: "boolean", short: "h", default: false },
    only: { type: "string", default: KINDS.join(",") },
    turns: { type: "string", default: "12" },
    seconds: { type: "string", default: "1.5" },
    clients: { type: "string", default: "64" }
  }
})

interface Turn {
  readonly rate: number
  readonly p50: number
  readonly p99: number
  readonly completed: number
  readonly server: number
  readonly database: number
  readonly redis: number
}

const median = (numbers: ReadonlyArray<number>): number => valuesOf(numbers)?.median ?? Number.NaN

const sum = (turns: ReadonlyArray<Turn>, field: keyof Turn): number =>
  turns.reduce((total, turn) => total + turn[field], 0)

const prepare = async (session: Session, target: Target): Promise<void> => {
  target.users = await session.call("createUsers", { count: USERS, prefix: "bench" })
  await session.call("seedMessages", { users: target.users, count: PEERS })
  await session.call("seedMessages", { users: target.users.slice(0, READERS), count: MESSAGES_A_READER })
}

const turnOf = async (session: Session, kind: RequestKind): Promise<Turn> => {
  const { users } = session.target
  const { output, cost } = await session.measure("http", {
    kind,
    users: kind === "send" ? users : users.slice(0, READERS),
    clients: Number(values.clients),
    seconds: Number(values.seconds)
  })
  if (output.failed > 0) throw new Error(`${output.failed} of ${kind} failed`)
  const { rate, p50, p99, completed } = output
  return {
    rate,
    p50,
    p99,
    completed,
    server: cost.server ?? 0,
    database: cost.database ?? 0,
    redis: cost.redis
  }
}

const print = (kind: string, ours: ReadonlyArray<Turn>, theirs: ReadonlyArray<Turn>): void => {
  const ratios = ours.map(({ rate }, index) => rate / theirs[index]!.rate)
  const sorted = ratios.toSorted((a, b) => a - b).map((ratio) => ratio.toFixed(2))
  const cpu = (turns: ReadonlyArray<Turn>, field: "server" | "database" | "redis"): string =>
    ((sum(turns, field) * 1e3) / sum(turns, "completed")).toFixed(3)
  const both = (field: "p50" | "p99"): string =>
    `${median(ours.map((turn) => turn[field])).toFixed(1)} (${median(theirs.map((turn) => turn[field])).toFixed(1)})`
  process.stdout.write(
    `${kind.padEnd(8)} rate ${median(ratios).toFixed(2)}x (${sorted[0]} to ${sorted.at(-1)}), ` +
      `${Math.round(sum(ours, "rate") / ours.length)}/s (${Math.round(sum(theirs, "rate") / theirs.length)}/s); ` +
      `ms of CPU: server ${cpu(ours, "server")} (${cpu(theirs, "server")}), ` +
      `database ${cpu(ours, "database")} (${cpu(theirs, "database")}), Redis ${cpu(ours, "redis")} (${cpu(theirs, "redis")}); ` +
      `p50 ${both("p50")} ms, p99 ${both("p99")} ms\n`
  )
}

const compare = async (folder: string, environment: Environment): Promise<void> => {
  const { postgres, redis } = environment
  const ours = await makeTarget(
    "this",
    new URL("../../src/main.ts", import.meta.url).pathname,
    1,
    postgres,
    redis
  )
  const theirs = await makeTarget("other", join(folder, "src/main.ts"), 1, postgres, redis)
  const scale = { quick: false, seconds: Number(values.seconds), sockets: 0 }
  await using here = await Session.start(ours, scale, environment)
  await using there = await Session.start(theirs, scale, environment)
  await prepare(here, ours)
  await prepare(there, theirs)
  for (const kind of KINDS.filter((kind) => values.only.split(",").includes(kind))) {
    for (let turn = 0; turn < WARM_UP_TURNS; turn++) {
      await turnOf(here, kind)
      await turnOf(there, kind)
    }
    const turns: [Array<Turn>, Array<Turn>] = [[], []]
    for (let turn = 0; turn < Number(values.turns); turn++) {
      turns[0].push(await turnOf(here, kind))
      turns[1].push(await turnOf(there, kind))
    }
    print(kind, ...turns)
  }
  const others = environment.othersShares.filter(Number.isFinite)
  process.stdout.write(`Other work kept ${median(others).toFixed(2)} cores busy (median of the turns)\n`)
}

const interruption = new AbortController()
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => interruption.abort(new Error(`Ended by ${signal}`)))
}

const run = async (folder: string): Promise<void> => {
  await access(join(folder, "src/main.ts"))
  await using resources = new AsyncDisposableStack()
  const postgres = resources.use(await Postgres.connect())
  const logs = await mkdtemp(join(tmpdir(), "mini-chat-bench-"))
  resources.defer(() => rm(logs, { recursive: true, force: true }))
  const redis = resources.use(await RedisServer.start(logs))
  await compare(folder, { postgres, redis, folder: logs, signal: interruption.signal, othersShares: [] })
}

const [folder] = positionals
if (values.help || folder === undefined) {
  process.stdout.write(HELP)
  process.exitCode = values.help ? 0 : 1
} else {
  await run(resolve(folder)).catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
    process.exitCode = 1
  })
}
