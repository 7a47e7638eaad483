import type { InboxEvent } from "../domain/Event.ts"
import type { UserId } from "../domain/User.ts"

/** How many of the latest events are kept in memory, so that a socket that keeps up needs no query. */
const HOT_EVENTS = 64

const HOT_BYTES = 256 * 1024

/**
 * What this node knows about one user's inbox: its head, and the latest events. The head only moves forward.
 * Each follower is called when the head moved, and takes the events that it has not seen.
 */
export class LiveInbox {
  readonly userId: UserId
  /** The history of the database that the numbers belong to. */
  readonly epoch: string
  username = ""
  /** Events up to this number may be deleted. */
  pruned = 0
  /** The number of the last event that is known to be committed. */
  head = 0
  /** The latest events, without gap, up to the head; empty when the event of the head is not in memory. */
  private hot: Array<InboxEvent> = []
  private hotBytes = 0
  private headBefore = 0
  private readonly followers = new Map<() => void, ((frame: Uint8Array) => void) | undefined>()

  constructor(userId: UserId, epoch: string) {
    this.userId = userId
    this.epoch = epoch
  }

  /**
   * Calls `onAdvance` each time that the head moved, and `onPassing` for each frame that has no number, until the returned
   * function is called.
   */
  follow(onAdvance: () => void, onPassing?: (frame: Uint8Array) => void): () => void {
    this.followers.set(onAdvance, onPassing)
    return () => this.followers.delete(onAdvance)
  }

  /** Passes a frame that has no number to the followers of this moment. It is not stored. */
  pass(frame: Uint8Array): void {
    for (const onPassing of this.followers.values()) onPassing?.(frame)
  }

  /** Appends an event from the bus. One at or below the head is a repeat, and ignored. */
  offer(event: InboxEvent): void {
    const { seq, frame } = event
    if (seq <= this.head) return
    if (seq !== this.head + 1) this.clear()
    this.hot.push(event)
    this.hotBytes += frame.length
    while (this.hot.length > HOT_EVENTS || (this.hotBytes > HOT_BYTES && this.hot.length > 1)) {
      this.hotBytes -= this.hot.shift()!.frame.length
    }
    this.move(seq)
  }

  /** Takes the bounds that the database has. */
  learn(head: number, pruned: number): void {
    this.pruned = Math.max(this.pruned, pruned)
    if (head <= this.head) return
    this.clear()
    this.move(head)
  }

  /** The events after `seq` up to the head; `undefined` unless all of them are in memory. */
  after(seq: number): ReadonlyArray<InboxEvent> | undefined {
    const first = this.hot[0]
    return first === undefined || first.seq > seq + 1 ? undefined : this.hot.slice(seq + 1 - first.seq)
  }

  /** Drops the events in memory when none came since the last call, so that an idle inbox holds none. */
  forgetOld(): void {
    if (this.headBefore === this.head) this.clear()
    this.headBefore = this.head
  }

  private move(head: number): void {
    this.head = head
    for (const onAdvance of this.followers.keys()) onAdvance()
  }

  private clear(): void {
    this.hot = []
    this.hotBytes = 0
  }
}
