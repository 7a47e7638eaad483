import { type ChildProcess, fork, spawn } from "node:child_process"
import { once } from "node:events"
import { closeSync, openSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"

const STOP_PATIENCE_MS = 8_000

const running = new Set<ChildProcess>()

// The last resort when this process must end at once: its children end with it.
process.on("exit", () => {
  for (const child of running) killGroup(child)
})

// Each child leads a process group of its own: Ctrl-C reaches this process only, which ends the others in order.
const killGroup = (child: ChildProcess): void => {
  try {
    process.kill(-child.pid!, "SIGKILL")
  } catch {
    child.kill("SIGKILL")
  }
}

const track = (child: ChildProcess): ChildProcess => {
  running.add(child)
  child.once("exit", () => running.delete(child))
  child.once("error", () => running.delete(child))
  return child
}

export interface Command {
  readonly file: string
  readonly args: ReadonlyArray<string>
  readonly env?: Record<string, string>
  readonly logFile: string
  readonly ipc?: boolean
}

/**
 * Starts a process whose output goes to a file: a pipe would cost this process time while it measures. With `ipc` messages can be sent
 * to it.
 */
export const start = ({ file, args, env, logFile, ipc = false }: Command): ChildProcess => {
  const log = openSync(logFile, "a")
  const child = spawn(file, args, {
    detached: true,
    stdio: ipc ? ["ignore", log, log, "ipc"] : ["ignore", log, log],
    env: { ...process.env, ...env }
  })
  closeSync(log)
  return track(child)
}

export const startForked = (file: string, args: ReadonlyArray<string>): ChildProcess =>
  track(fork(file, args, { detached: true, stdio: ["ignore", "inherit", "inherit", "ipc"] }))

export const hasEnded = (child: ChildProcess): boolean =>
  child.exitCode !== null || child.signalCode !== null || child.pid === undefined

/** Asks a process to end, and kills its whole group when it does not within some seconds. */
export const stop = async (child: ChildProcess): Promise<void> => {
  if (hasEnded(child)) return
  const ended = once(child, "exit")
  const patience = new AbortController()
  child.kill("SIGTERM")
  await Promise.race([ended, sleep(STOP_PATIENCE_MS, undefined, { signal: patience.signal })])
  patience.abort()
  if (!hasEnded(child)) {
    killGroup(child)
    await ended
  }
}
