import type { Duplex } from "node:stream"
import { Effect } from "effect"

/** No more is written to a connection with this many bytes in its queue until the queue drains. */
const QUEUE_BYTES = 64 * 1024

/** The bytes that this node wrote to a connection and the peer has not read yet. */
export class TcpQueue {
  private readonly connection: Duplex
  /** How many fibers wait for it to drain. */
  private waiting = 0

  constructor(connection: Duplex) {
    this.connection = connection
  }

  get bytes(): number {
    return this.connection.writableLength
  }

  /** Whether more may be written now. */
  get hasRoom(): boolean {
    return this.bytes <= QUEUE_BYTES
  }

  /** Whether a fiber waits for the peer to read. */
  get isStalled(): boolean {
    return this.waiting > 0
  }

  /** Waits until the queue has room, or the connection is closed. */
  drained(): Effect.Effect<void> {
    return Effect.acquireUseRelease(
      Effect.sync(() => {
        this.waiting++
      }),
      () => this.drainOrClose(),
      () =>
        Effect.sync(() => {
          this.waiting--
        })
    )
  }

  private drainOrClose(): Effect.Effect<void> {
    return Effect.callback((resume) => {
      const stop = () => {
        this.connection.off("drain", done)
        this.connection.off("close", done)
      }
      const done = () => {
        stop()
        resume(Effect.void)
      }
      this.connection.on("drain", done)
      this.connection.on("close", done)
      // It may have drained or closed before the listeners were added.
      if (this.hasRoom || this.connection.destroyed) done()
      return Effect.sync(stop)
    })
  }
}
