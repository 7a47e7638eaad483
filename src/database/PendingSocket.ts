import type { Socket } from "node:net"
import { Duplex } from "node:stream"

/** Makes the connection, and answers with it or with the reason why there is none. */
type Dial = (settle: (result: Socket | Error) => void) => void

/** A stream to the database whose connection is still being made: it keeps what is written until then. */
export class PendingSocket extends Duplex {
  readonly #dial: Dial
  #socket: Socket | undefined

  constructor(dial: Dial) {
    super({ allowHalfOpen: false })
    this.#dial = dial
  }

  get bytesRead(): number {
    return this.#socket?.bytesRead ?? 0
  }

  get bytesWritten(): number {
    return this.#socket?.bytesWritten ?? 0
  }

  override _construct(callback: (error?: Error | null) => void): void {
    this.#dial((result) => {
      if (result instanceof Error) return callback(result)
      // It may have ended before it came here.
      if (result.destroyed) return callback(result.errored ?? new Error("the connection was closed"))
      this.#socket = result
      result.on("data", (chunk: Buffer) => {
        if (!this.push(chunk)) result.pause()
      })
      result.on("error", (error) => this.destroy(error))
      result.on("end", () => this.push(null))
      result.on("close", () => this.destroy())
      callback()
    })
  }

  override _read(): void {
    this.#socket!.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    if (this.#socket!.write(chunk)) callback()
    else this.#socket!.once("drain", callback)
  }

  override _final(callback: () => void): void {
    this.#socket!.end(callback)
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#socket?.destroy()
    callback(error)
  }
}
