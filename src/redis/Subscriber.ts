import type { InboxEvent } from "../domain/Event.ts"

/** What the bus calls for the payloads of a user's channel. */
export interface Subscriber {
  readonly onEvent: (event: InboxEvent) => void
  /** A frame that has no number. */
  readonly onPassing?: (frame: Uint8Array) => void
  /**
   * The number of an event that is not signed, as nodes of release 1.1 and before publish it: the database knows whether it is
   * true.
   */
  readonly onClaim?: (seq: number) => void
  /**
   * Whether the subscriber lacks the event of a number. The bus does not parse a payload that is no news: a node may get back events
   * that it published. Without this function every event is news.
   */
  readonly isNews?: (seq: number) => boolean
}
