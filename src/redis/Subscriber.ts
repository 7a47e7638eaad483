import type { InboxEvent } from "../domain/Event.ts"

/** What a subscriber to a user's channel is told by the bus. */
export interface Subscriber {
  readonly onEvent: (event: InboxEvent) => void
  /** A frame that has no number. */
  readonly onPassing?: (frame: Uint8Array) => void
  /**
   * The number of an event that is not signed, as nodes of release 1.1 and before publish it: the database knows whether it is
   * true.
   */
  readonly onClaim?: (seq: number) => void
  /** Whether the event of a number would be news. Without it, each is. What is none is not read: a node hears all that it published. */
  readonly isNews?: (seq: number) => boolean
}
