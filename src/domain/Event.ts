import { type Effect, Schema } from "effect"
import type { Message } from "./Message.ts"
import type { Unavailable } from "./Unavailable.ts"
import type { UserId } from "./User.ts"

/** A place in a user's inbox. The first event is 1; every event takes the next number, without gaps. */
export const Seq = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)).annotate({ examples: [1042] })

/** The history of the database that a number belongs to: numbers of two epochs cannot be compared. */
export const EpochText = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(64)).annotate({
  examples: ["0e45f8afddac"]
})

/** What an event reports, as the database holds it: the frames for all receivers of the event are built from it. */
export interface EventFact {
  /** The kind of the event. A row of a newer release may have one that this release does not know. */
  readonly type: string
  /** When it was committed, by the database's clock, in milliseconds since 1970. */
  readonly committedAt: number
  /** The message that the event is about, as it is now; none for kinds that carry a payload. */
  readonly message: Message | undefined
  /** The `client_id` of that message. */
  readonly clientId: string | undefined
  /** The payload of the row, for events that are about no message; `undefined` when the row has none. */
  readonly payload: unknown
}

/** A fact, and its number in one user's inbox. */
export interface EventRecord extends EventFact {
  readonly seq: number
}

/** One numbered entry of one user's inbox, ready for sockets, replays and REST, which all carry the same bytes. */
export interface InboxEvent {
  readonly seq: number
  readonly type: string
  /** The frame: JSON in UTF-8. It is encoded once, however many sockets get it. */
  readonly frame: Uint8Array
  /** What the frame shares with the other events of its fact; absent in the first event. */
  readonly shared?: SharedBytes
  /** As in `EventFact`; `undefined` when the node that published it did not send it. */
  readonly committedAt: number | undefined
  /** The W3C trace context of what caused it; `undefined` when that is not traced. */
  readonly traceparent: string | undefined
}

/** The parts of a frame around its number: one object for the events of one fact, which differ in the number only. */
export interface SharedBytes {
  readonly beforeSeq: Uint8Array
  readonly afterSeq: Uint8Array
}

/** The number of an event in one user's inbox. */
export interface Place {
  readonly userId: UserId
  readonly seq: number
}

/** A committed fact, and its numbers in the inboxes of its receivers. */
export interface AppendedFact {
  readonly fact: EventFact
  readonly places: ReadonlyArray<Place>
}

/** A committed change. */
export interface Change<A, E = never> {
  /** What the caller is answered. It may have to be read first, which may fail: run it once the events are published. */
  readonly value: Effect.Effect<A, E | Unavailable>
  /** The events that report the change; none when nothing changed. */
  readonly appended: ReadonlyArray<AppendedFact>
}

/** An event on its way to one user's sockets. */
export interface AddressedEvent {
  readonly userId: UserId
  /** It may be built when it is first read: no frame is made for a user whom no node is told about. */
  readonly event: InboxEvent
  /** Whether the sockets and polls of this node have it, so that only other nodes still need it. */
  readonly isDeliveredHere?: boolean
}
