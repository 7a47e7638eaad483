import type { Server } from "node:http"
import { Duplex } from "node:stream"
import { Effect } from "effect"

/**
 * A connection to a server whose peer reads when the test says so. What the server writes stays in the process until then: no
 * buffer of the system takes any of it, so nothing depends on the sizes of those.
 */
class HeldConnection extends Duplex {
  readonly remoteAddress = "127.0.0.1"
  private dispatchedBytes = 0
  private release: (() => void) | undefined

  /** How many bytes the server wrote, as those of a socket are counted: also what is not read yet. */
  get bytesWritten(): number {
    return this.dispatchedBytes + this.writableLength
  }

  /** Whether the server wrote what its peer has not read. */
  get hasUnread(): boolean {
    return this.release !== undefined
  }

  override _read(): void {}

  override _writev(_: ReadonlyArray<unknown>, callback: () => void): void {
    const bytes = this.writableLength
    this.release = () => {
      this.dispatchedBytes += bytes
      callback()
    }
  }

  /** The peer reads what the server has written so far. */
  readAll(): void {
    const release = this.release
    this.release = undefined
    release?.()
  }
}

/** Opens such a connection to a server and sends it bytes. It ends with its scope. */
export const heldConnection = (server: Server, bytes: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const connection = new HeldConnection()
      connection.on("error", () => {})
      server.emit("connection", connection)
      connection.push(bytes)
      return connection
    }),
    (connection) => Effect.sync(() => connection.destroy())
  )
