import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { until } from "../../faults/support/Until.ts"

const ROOT = join(import.meta.dirname, "../../..")

/** A server in a process of its own, which ends with its scope. All that it writes is kept. */
export const serverProcess = Effect.fnUntraced(function* (environment: NodeJS.ProcessEnv) {
  let output = ""
  let exitCode: number | null | undefined
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, ["src/main.ts"], {
        cwd: ROOT,
        env: { PATH: process.env.PATH, HOST: "127.0.0.1", PORT: "0", LOG_FORMAT: "json", ...environment },
        stdio: ["ignore", "pipe", "pipe"]
      })
    ),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text
    })
  }
  child.on("exit", (code) => {
    exitCode = code
  })

  const portIn = (text: string) => /listens on http:\/\/[^:]+:(\d+)/.exec(text)?.[1]
  yield* until(
    "the server listens or ends",
    Effect.sync(() => portIn(output) !== undefined || exitCode !== undefined),
    "60 seconds"
  )
  if (exitCode !== undefined)
    return yield* Effect.die(new Error(`The server ended with ${exitCode}\n${output}`))
  const port = Number(portIn(output))

  return {
    port,
    url: `http://127.0.0.1:${port}`,
    webSocketUrl: `ws://127.0.0.1:${port}`,
    output: () => output,
    isAlive: () => exitCode === undefined,
    /** The memory that it holds, in bytes. */
    residentBytes: () =>
      Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))![1]) * 1024,
    /** Asks it to end, and answers with its exit code. */
    stop: Effect.suspend(() => {
      child.kill("SIGTERM")
      return Effect.as(
        until(
          "the server ends",
          Effect.sync(() => exitCode !== undefined),
          "30 seconds"
        ),
        exitCode
      )
    }).pipe(Effect.map(() => exitCode))
  }
})

export type ServerProcess = Effect.Success<ReturnType<typeof serverProcess>>
