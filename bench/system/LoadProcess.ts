import type { ChildProcess } from "node:child_process"
import type { Call, CommandName, Input, Output, Reply } from "../load/Commands.ts"
import { startForked, stop } from "./Children.ts"

const ENTRY = new URL("../load/main.ts", import.meta.url).pathname
const PATIENCE_MS = 120_000

export interface Measured<A> {
  readonly output: A
  readonly seconds: number
  /** CPU seconds of the load tool itself. */
  readonly cpuSeconds: number
}

/** The load tool, in a process of its own, loading one server. */
export class LoadProcess implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #signal: AbortSignal

  constructor(host: string, port: number, signal: AbortSignal) {
    this.#child = startForked(ENTRY, [host, String(port)])
    this.#signal = signal
  }

  call<Name extends CommandName>(name: Name, input: Input<Name>): Promise<Measured<Output<Name>>> {
    const { promise, resolve, reject } = Promise.withResolvers<Measured<Output<Name>>>()
    const onReply = (reply: Reply): void => {
      if ("error" in reply) reject(new Error(reply.error))
      else resolve(reply as Measured<Output<Name>>)
    }
    const onExit = (code: number | null): void =>
      reject(new Error(`The load tool ended with ${code} in ${name}`))
    const onAbort = (): void => reject(this.#signal.reason)
    const patience = setTimeout(
      () => reject(new Error(`${name} took more than ${PATIENCE_MS / 1000} s`)),
      PATIENCE_MS
    )
    this.#child.once("message", onReply)
    this.#child.once("exit", onExit)
    this.#signal.addEventListener("abort", onAbort)
    if (this.#signal.aborted) onAbort()
    else this.#child.send({ name, input } satisfies Call)
    return promise.finally(() => {
      clearTimeout(patience)
      this.#child.off("message", onReply)
      this.#child.off("exit", onExit)
      this.#signal.removeEventListener("abort", onAbort)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await stop(this.#child)
  }
}
