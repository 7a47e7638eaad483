import { readFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { freePort } from "./Ports.ts"
import * as Process from "./Process.ts"

/** One Mini Chat process. */
export interface ChatNode extends Process.Process {
  readonly url: string
  /** The memory that it holds, in bytes. */
  readonly residentBytes: () => number
}

const ROOT = join(import.meta.dirname, "../../..")

export const start = Effect.fnUntraced(function* (options: {
  readonly databaseUrl: string
  readonly redisUrl: string
  readonly env?: NodeJS.ProcessEnv
  /** Arguments of node itself. */
  readonly nodeArguments?: ReadonlyArray<string>
  /** Defaults to a free one. */
  readonly port?: number
}) {
  const port = options.port ?? (yield* freePort)
  const process_ = yield* Process.start(process.execPath, [...(options.nodeArguments ?? []), "src/main.ts"], {
    cwd: ROOT,
    env: {
      PATH: process.env.PATH,
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
      DATABASE_URL: options.databaseUrl,
      REDIS_URL: options.redisUrl,
      HOST: "127.0.0.1",
      PORT: String(port),
      LOG_LEVEL: "Warn",
      ...options.env
    }
  })
  const url = `http://127.0.0.1:${port}`
  const answers = Effect.tryPromise(
    async (signal) => (await fetch(`${url}/health`, { signal })).status === 200
  ).pipe(Effect.timeout("1 second"))
  yield* Process.ready(process_, `${url} answers`, answers, "60 seconds")
  const node: ChatNode = {
    ...process_,
    url,
    residentBytes: () => {
      const status = readFileSync(`/proc/${process_.pid}/status`, "utf8")
      return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) * 1024
    }
  }
  return node
})
