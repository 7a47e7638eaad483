import { readFileSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Options, readOptions } from "./Options.ts"
import { run } from "./Run.ts"
import { Postgres } from "./system/Postgres.ts"
import { RedisServer } from "./system/RedisServer.ts"
import { renderTable } from "./Table.ts"

// Sockets that a process holds besides the clients': its database, Redis and files.
const OTHER_DESCRIPTORS = 500

const assertDescriptors = ({ only, sockets }: Options): void => {
  if (!only.includes("idle") || process.platform !== "linux") return
  const limit = /Max open files\s+\S+\s+(\d+)/.exec(readFileSync("/proc/self/limits", "utf8"))?.[1]
  if (limit !== undefined && sockets + OTHER_DESCRIPTORS > Number(limit)) {
    throw new Error(
      `${sockets} sockets need more than the ${limit} open files allowed; raise "ulimit -Hn" or use --sockets`
    )
  }
}

const interruption = new AbortController()
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    if (interruption.signal.aborted) process.exit(130)
    process.stderr.write("Ending what was started; once more to end at once\n")
    interruption.abort(new Error(`Ended by ${signal}`))
  })
}
// Processes and databases are removed after every failure: a reader that closed the pipe, or a defect.
process.stdout.on("error", (error) => interruption.abort(error))
process.stderr.on("error", (error) => interruption.abort(error))
process.on("uncaughtException", (error) => interruption.abort(error))

const bench = async (options: Options): Promise<boolean> => {
  assertDescriptors(options)
  await using resources = new AsyncDisposableStack()
  const postgres = resources.use(await Postgres.connect())
  const folder = await mkdtemp(join(tmpdir(), "mini-chat-bench-"))
  resources.defer(() => rm(folder, { recursive: true, force: true }))
  const redis = resources.use(await RedisServer.start(folder))
  const report = await run(options, {
    postgres,
    redis,
    folder,
    signal: interruption.signal,
    othersShares: []
  })
  process.stdout.write(options.json ? `${JSON.stringify(report, undefined, 2)}\n` : renderTable(report))
  return report.failures.length === 0
}

try {
  const options = readOptions(process.argv.slice(2))
  if (options !== undefined && !(await bench(options))) process.exitCode = 1
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
  process.exitCode = interruption.signal.aborted ? 130 : 1
}
