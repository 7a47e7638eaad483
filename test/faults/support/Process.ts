import { type ChildProcess, spawn } from "node:child_process"
import { type Duration, Effect } from "effect"
import { until } from "./Until.ts"

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A process that the test started, and that ends with its scope at the latest. */
export interface Process {
  readonly pid: number
  readonly signal: (signal: NodeJS.Signals) => Effect.Effect<void>
  readonly isAlive: () => boolean
  readonly ended: Effect.Effect<Ended>
  /** The last of what it wrote, for a message about a failure. */
  readonly output: () => string
}

export interface Options {
  readonly env?: NodeJS.ProcessEnv
  readonly cwd?: string
  readonly uid?: number
  /** How to end it with its scope; a process that is still there after 5 s is killed. */
  readonly stopSignal?: NodeJS.Signals
}

const KEPT_OUTPUT = 20_000
const running = new Set<ChildProcess>()

// A scope does not close when the test run itself is cut short.
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL")
})

export const start = Effect.fnUntraced(function* (
  command: string,
  args: ReadonlyArray<string>,
  options: Options = {}
) {
  const { stopSignal = "SIGKILL", ...spawnOptions } = options
  const child = spawn(command, args, { ...spawnOptions, stdio: ["ignore", "pipe", "pipe"] })
  running.add(child)
  let output = ""
  let end: Ended | undefined
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output = (output + text).slice(-KEPT_OUTPUT)
    })
  }
  child.once("exit", (code, signal) => {
    end = { code, signal }
    running.delete(child)
  })
  yield* Effect.callback<void>((resume) => {
    child.once("spawn", () => resume(Effect.void))
    child.once("error", (error) => resume(Effect.die(new Error(`${command}: ${error.message}`))))
  })

  const self: Process = {
    pid: child.pid!,
    signal: (signal) => Effect.sync(() => child.kill(signal)),
    isAlive: () => end === undefined,
    ended: Effect.callback<Ended>((resume) => {
      if (end !== undefined) return resume(Effect.succeed(end))
      child.once("exit", (code, signal) => resume(Effect.succeed({ code, signal })))
    }),
    output: () => output
  }
  yield* Effect.addFinalizer(() =>
    self.isAlive()
      ? self.signal(stopSignal).pipe(
          Effect.andThen(self.ended),
          Effect.timeoutOrElse({
            duration: "5 seconds",
            orElse: () => Effect.andThen(self.signal("SIGKILL"), self.ended)
          })
        )
      : Effect.void
  )
  return self
})

/** Waits until a process that was started is ready; dies, with what it wrote, when it ends or is not ready in time. */
export const ready = <E, R>(
  { ended, output }: Process,
  what: string,
  isReady: Effect.Effect<boolean, E, R>,
  within: Duration.Input
): Effect.Effect<void, never, R> =>
  Effect.raceFirst(
    until(what, isReady, within),
    Effect.flatMap(ended, ({ code }) => Effect.die(new Error(`It ended with ${code} before: ${what}`)))
  ).pipe(Effect.tapDefect(() => Effect.logError(output())))

/** Runs a command to its end; dies, with what it wrote, when it fails. */
export const run = (
  command: string,
  args: ReadonlyArray<string>,
  options: Options = {}
): Effect.Effect<void> =>
  Effect.scoped(
    Effect.gen(function* () {
      const process = yield* start(command, args, options)
      const { code } = yield* process.ended
      if (code !== 0)
        return yield* Effect.die(new Error(`${command} ended with ${code}\n${process.output()}`))
    })
  )
