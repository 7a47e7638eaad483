import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"

const ROOT = join(import.meta.dirname, "../..")

/** How a process ended, and what it wrote until then. */
export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/**
 * Starts the server as an operator does, with these settings and no other, on a free port unless one is given.
 * It is killed when the scope closes, with every process that it started.
 */
export const startProcess = Effect.fnUntraced(function* (
  settings: Readonly<Record<string, string>>,
  [program, ...args]: readonly [string, ...ReadonlyArray<string>] = [process.execPath, "src/main.ts"]
) {
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(program, args, {
        cwd: ROOT,
        stdio: ["ignore", "pipe", "pipe"],
        // A group of its own, to end all of it with the scope.
        detached: true,
        env: {
          PATH: process.env.PATH,
          TMPDIR: process.env.TMPDIR,
          NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
          PORT: "0",
          ...settings
        }
      })
    ),
    (child) => Effect.sync(() => killGroup(child.pid!))
  )
  let stdout = ""
  let stderr = ""
  child.stdout.setEncoding("utf8").on("data", (text) => {
    stdout += text
  })
  child.stderr.setEncoding("utf8").on("data", (text) => {
    stderr += text
  })
  const closed = new Promise<Ended>((resolve) => {
    child.once("close", (code) => resolve({ code, stdout, stderr }))
  })

  /** What it logged, once it did. */
  const logged = (pattern: RegExp) =>
    Effect.callback<RegExpExecArray>((resume) => {
      const check = () => {
        const found = pattern.exec(stdout)
        if (found !== null) resume(Effect.succeed(found))
      }
      child.stdout.on("data", check)
      child.once("close", () =>
        resume(Effect.die(new Error(`It ended before it logged ${pattern}: ${stderr}`)))
      )
      check()
      return Effect.sync(() => child.stdout.off("data", check))
    })

  return {
    logged,
    /** Where it listens, once it does. */
    listening: Effect.map(logged(/listens on (http:\/\/[^\s"]+)/), (found) => found[1]!),
    /** It ended, and so did every process that it started. */
    ended: Effect.promise(() => closed),
    /** Ends the reading of what it writes. */
    stopReading: Effect.sync(() => child.stdout.destroy()),
    /** Signals the process that was started, and none that it started. */
    signal: (name: NodeJS.Signals) => Effect.sync(() => child.kill(name)),
    /** Signals all of its processes at once, as a terminal does. */
    signalAll: (name: NodeJS.Signals) => Effect.sync(() => process.kill(-child.pid!, name)),
    /** All that it wrote so far. */
    output: () => stdout + stderr,
    isAlive: () => child.exitCode === null && child.signalCode === null,
    /** The memory that it holds, in bytes. */
    residentBytes: () => memoryOf(child.pid!, "VmRSS"),
    /** The most memory that it ever held, in bytes. */
    peakBytes: () => memoryOf(child.pid!, "VmHWM")
  }
})

const memoryOf = (pid: number, what: "VmRSS" | "VmHWM") =>
  Number(new RegExp(`^${what}:\\s+(\\d+) kB$`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) *
  1024

const killGroup = (leader: number) => {
  try {
    process.kill(-leader, "SIGKILL")
  } catch {
    // All of them ended.
  }
}
