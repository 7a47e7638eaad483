import type { ChildProcess } from "node:child_process"
import { once } from "node:events"
import { readFile } from "node:fs/promises"
import { setTimeout as sleep } from "node:timers/promises"
import { hasEnded, start, stop } from "./Children.ts"
import { freePort } from "./Ports.ts"
import { cpuSecondsOf, residentBytesOf, treeOf } from "./Processes.ts"

const HEAP_PROBE = new URL("./HeapProbe.ts", import.meta.url).href

const START_PATIENCE_MS = 30_000
const ANSWER_PATIENCE_MS = 2_000
const HEAP_PATIENCE_MS = 20_000

export interface ServerCommand {
  readonly entry: string
  readonly env: Record<string, string>
  readonly logFile: string
}

/** A server in a process of its own, ready once `GET /health` answers 200. */
export class ServerProcess implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly host: string
  readonly port: number

  readonly #isAlone: boolean

  private constructor(child: ChildProcess, host: string, port: number, isAlone: boolean) {
    this.#child = child
    this.#isAlone = isAlone
    this.host = host
    this.port = port
  }

  static async start({ entry, env, logFile }: ServerCommand, signal: AbortSignal): Promise<ServerProcess> {
    const host = "127.0.0.1"
    const port = await freePort()
    const child = start({
      file: process.execPath,
      args: ["--import", HEAP_PROBE, entry],
      ipc: true,
      env: { ...env, HOST: host, PORT: String(port) },
      logFile
    })
    const server = new ServerProcess(child, host, port, env.WORKERS === "1")
    try {
      await server.#untilHealthy(signal)
      return server
    } catch (error) {
      await stop(child)
      const log = await readFile(logFile, "utf8").catch(() => "")
      throw new Error(`${entry} did not start: ${(error as Error).message}\n${log.slice(-2000)}`)
    }
  }

  async #untilHealthy(signal: AbortSignal): Promise<void> {
    const deadline = performance.now() + START_PATIENCE_MS
    while (performance.now() < deadline) {
      if (hasEnded(this.#child))
        throw new Error(`it ended with ${this.#child.exitCode ?? this.#child.signalCode}`)
      const patience = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_PATIENCE_MS)])
      const healthy = await fetch(`http://${this.host}:${this.port}/health`, { signal: patience }).then(
        async (response) => (await response.arrayBuffer()) && response.status === 200,
        () => false
      )
      if (healthy) return
      await sleep(50, undefined, { signal })
    }
    throw new Error(`GET /health did not answer 200 within ${START_PATIENCE_MS / 1000} s`)
  }

  cpuSeconds(): ReadonlyMap<number, number> | undefined {
    return cpuSecondsOf(treeOf(this.#child.pid!))
  }

  residentBytes(): number | undefined {
    return residentBytesOf(treeOf(this.#child.pid!))
  }

  /** How many bytes of heap are in use after a collection; none when the server has more processes than one. */
  async heapBytes(): Promise<number | undefined> {
    if (!this.#isAlone) return undefined
    const reply = once(this.#child, "message", { signal: AbortSignal.timeout(HEAP_PATIENCE_MS) })
    this.#child.send("heap")
    return (await reply)[0] as number
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await stop(this.#child)
  }
}
