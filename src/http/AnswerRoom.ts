import { Effect } from "effect"
import { type Placed, Places } from "./Places.ts"

/** An answer that takes a part of a room. */
export interface RoomAnswer {
  readonly closed: boolean
  /** False while the answer is being made. */
  readonly headersSent: boolean
  /** How many bytes of its connection the peer has read, or the kernel has buffered. */
  readonly readBytes: number
  /** Destroys the connection. */
  cut(): void
  /** Calls a listener once it has left the process or its connection is closed. */
  whenClosed(listener: () => void): void
}

/** The bytes that an answer reserved, and the time and place from which its peer's speed is measured. */
interface Part extends Placed {
  readonly answer: RoomAnswer
  readonly bytes: number
  since: number
  readBytes: number
}

/** What an answer waits for. */
interface Wanted {
  readonly answer: RoomAnswer
  readonly bytes: number
  readonly onTaken: () => void
}

/**
 * A bounded number of bytes. An answer reserves a part from before it is made until it has left the process, in the order in which
 * answers ask: a large one is not overtaken by small ones. While other answers wait for room, a peer that reads too slowly is
 * disconnected, so that slow readers do not hold up the others for longer.
 */
export class AnswerRoom {
  private readonly size: number
  private free: number
  private readonly parts = new Places<Part>()
  /** The one that has waited longest first. */
  private readonly waiting = new Set<Wanted>()

  constructor(bytes: number) {
    this.size = bytes
    this.free = bytes
  }

  /** Waits until so many bytes are free, and reserves them until the answer is closed. More than the whole room is all of it. */
  take(bytes: number, answer: RoomAnswer): Effect.Effect<void> {
    return Effect.suspend(() => {
      const size = Math.min(bytes, this.size)
      if (this.waiting.size > 0 || size > this.free) return this.wait(size, answer)
      this.keep({ answer, bytes: size })
      return Effect.void
    })
  }

  private wait(bytes: number, answer: RoomAnswer): Effect.Effect<void> {
    return Effect.callback((resume) => {
      const wanted: Wanted = { answer, bytes, onTaken: () => resume(Effect.void) }
      this.waiting.add(wanted)
      return Effect.sync(() => {
        this.waiting.delete(wanted)
        this.serve()
      })
    })
  }

  /** Gives what is free to those that wait, up to the first one for which it is not enough. */
  private serve(): void {
    for (const wanted of this.waiting) {
      if (wanted.bytes > this.free) return
      this.waiting.delete(wanted)
      this.keep(wanted)
      wanted.onTaken()
    }
  }

  private keep({ answer, bytes }: Pick<Wanted, "answer" | "bytes">): void {
    if (answer.closed) return
    const part: Part = { place: 0, answer, bytes, since: performance.now(), readBytes: answer.readBytes }
    this.parts.add(part)
    this.free -= bytes
    answer.whenClosed(() => {
      this.parts.delete(part)
      this.free += bytes
      this.serve()
    })
  }

  /**
   * While others wait, disconnects the peers that took longer than `patience` milliseconds to read as many bytes as their answers
   * reserved. A long answer keeps its part as long as its peer reads faster than that.
   */
  cutSlow(now: number, patience: number): void {
    for (const part of this.parts) {
      const { answer } = part
      if (!answer.headersSent || answer.readBytes - part.readBytes >= part.bytes) {
        part.since = now
        part.readBytes = answer.readBytes
      } else if (this.waiting.size > 0 && now - part.since >= patience) answer.cut()
    }
  }
}
