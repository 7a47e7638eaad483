import { Effect, Semaphore } from "effect"

/** An answer that takes a part of a room. */
export interface RoomAnswer {
  readonly closed: boolean
  /** False while the answer is being made. */
  readonly headersSent: boolean
  /** How many bytes of its connection the peer has read, or the kernel has buffered. */
  readonly readBytes: number
  /** Destroys the connection. */
  cut(): void
  once(event: "close", listener: () => void): unknown
}

/** The bytes that an answer reserved, and the time and place from which its peer's speed is measured. */
interface Part {
  /** None once its room is free again. */
  answer: RoomAnswer | undefined
  readonly bytes: number
  since: number
  readBytes: number
}

/**
 * A bounded number of bytes. An answer reserves a part from before it is made until it has left the process. While other answers wait
 * for room, a peer that reads too slowly is disconnected, so that slow readers do not hold up the others for longer.
 */
export class AnswerRoom {
  private readonly permits: Semaphore.Semaphore
  private readonly parts = new Set<Part>()
  private waiting = 0

  constructor(bytes: number) {
    this.permits = Semaphore.makeUnsafe(bytes)
  }

  /**
   * Waits until so many bytes are free, and reserves them until the answer is closed. A wait for more bytes than the
   * whole room never ends.
   */
  take(bytes: number, answer: RoomAnswer): Effect.Effect<void> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.suspend(() => {
        this.waiting++
        return restore(this.permits.take(bytes))
      }).pipe(
        Effect.ensuring(
          Effect.sync(() => {
            this.waiting--
          })
        ),
        Effect.map(() => this.keep(answer, bytes))
      )
    )
  }

  private keep(answer: RoomAnswer, bytes: number): void {
    const part: Part = { answer, bytes, since: performance.now(), readBytes: answer.readBytes }
    this.parts.add(part)
    const release = () => {
      this.parts.delete(part)
      // As in `Unread`: a replaced table of the Set must not keep requests.
      part.answer = undefined
      Effect.runSync(this.permits.release(bytes))
    }
    if (answer.closed) release()
    else answer.once("close", release)
  }

  /**
   * While others wait, disconnects the peers that took longer than `patience` milliseconds to read as many bytes as their answers
   * reserved. A long answer keeps its part as long as its peer reads faster than that.
   */
  cutSlow(now: number, patience: number): void {
    for (const part of this.parts) {
      const { answer } = part
      if (answer === undefined) continue
      if (!answer.headersSent || answer.readBytes - part.readBytes >= part.bytes) {
        part.since = now
        part.readBytes = answer.readBytes
      } else if (this.waiting > 0 && now - part.since >= patience) answer.cut()
    }
  }
}
