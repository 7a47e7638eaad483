import { Effect } from "effect"

/** An answer that takes a part of a room. */
export interface RoomAnswer {
  readonly closed: boolean
  /** False while the answer is being made. */
  readonly headersSent: boolean
  /** How many bytes the peer of its connection has read, or the system took for it. */
  readonly readBytes: number
  /** Destroys the connection. */
  cut(): void
  once(event: "close", listener: () => void): unknown
}

/** What an answer took of a room, and from when and where on its peer's speed is measured. */
interface Part {
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
 * A bounded number of bytes that answers take while they are made and until they have left. They take them in the order in which they
 * ask: a large answer is not overtaken by small ones. While others wait for them, each answer may keep its part for a time and
 * then has to leave, so that slow readers, however many, hold up nobody for longer.
 */
export class AnswerRoom {
  private readonly size: number
  private free: number
  private readonly parts = new Set<Part>()
  /** The one that has waited longest first. */
  private readonly waiting = new Set<Wanted>()

  constructor(bytes: number) {
    this.size = bytes
    this.free = bytes
  }

  /** Waits until so many bytes are free, and keeps them until the answer is closed. An answer above the whole room takes all of it. */
  take(bytes: number, answer: RoomAnswer): Effect.Effect<void> {
    return Effect.callback((resume) => {
      const wanted: Wanted = {
        answer,
        bytes: Math.min(bytes, this.size),
        onTaken: () => resume(Effect.void)
      }
      this.waiting.add(wanted)
      this.serve()
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

  private keep({ answer, bytes }: Wanted): void {
    if (answer.closed) return
    const part: Part = { answer, bytes, since: performance.now(), readBytes: answer.readBytes }
    this.parts.add(part)
    this.free -= bytes
    answer.once("close", () => {
      this.parts.delete(part)
      this.free += bytes
      this.serve()
    })
  }

  /**
   * While others wait, disconnects the peers that took longer than `patience` milliseconds to read as many bytes as their answers
   * keep here. A long answer keeps its part for as long as its peer reads that fast.
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
