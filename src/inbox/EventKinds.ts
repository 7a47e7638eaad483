import { Context, Option } from "effect"
import type { MessageFrame, MessageSentFrame, OmittedFrame, SUBPROTOCOLS } from "../api/Protocol.ts"
import type { EventFact, EventRecord, InboxEvent } from "../domain/Event.ts"

/** The fields of a frame beside its type and number. */
type FieldsOf<Frame> = Omit<Frame, "type" | "seq">

/** How events of one kind are told. */
export interface EventKind {
  /** The oldest subprotocol whose sockets get the event. */
  readonly since: (typeof SUBPROTOCOLS)[number]
  /** The fields of the frame, beside `type` and `seq`; none when the row lacks what the kind needs. */
  readonly fields: (fact: EventFact) => Option.Option<object>
}

const message = (fact: EventFact): Option.Option<FieldsOf<typeof MessageFrame.Type>> =>
  Option.fromNullishOr(fact.message)

// The `client_id` is shown to the sender's own devices only.
const messageSent = (fact: EventFact): Option.Option<FieldsOf<typeof MessageSentFrame.Type>> =>
  Option.map(message(fact), (fields) =>
    fact.clientId === undefined ? fields : { ...fields, client_id: fact.clientId }
  )

const omitted = (): Option.Option<FieldsOf<typeof OmittedFrame.Type>> => Option.some({})

/**
 * Every kind of event: the one place, beside the kind's schema in `api/Protocol.ts` and the SQL that appends it, that a new
 * kind touches. A reference, so that a test can have kinds of its own.
 */
export const EventKinds = Context.Reference<Readonly<Record<string, EventKind>>>(
  "minichat/inbox/EventKinds",
  {
    defaultValue: () => ({
      message: { since: "minichat.v1", fields: message },
      message_sent: { since: "minichat.v2", fields: messageSent }
    })
  }
)

/** Stands for an event that this release cannot build, so that no client misses a number. */
const OMITTED: EventKind = { since: "minichat.v2", fields: omitted }

/** Builds events by the table of kinds. */
export class EventBuilder {
  private readonly kinds: ReadonlyMap<string, EventKind>

  constructor(kinds: Readonly<Record<string, EventKind>>) {
    this.kinds = new Map([...Object.entries(kinds), ["omitted", OMITTED]])
  }

  /** Whether sockets of the original protocol get events of this kind. A kind of a newer release is told to v2 only. */
  isForVersion1(type: string): boolean {
    return this.kinds.get(type)?.since === "minichat.v1"
  }

  /**
   * Builds the frames of a fact: encodes its fields once, and answers how to build the event at each number. A fact that
   * cannot be built becomes an `omitted` event.
   */
  prepare(fact: EventFact, traceparent?: string): (seq: number) => InboxEvent {
    const { committedAt } = fact
    const fields = this.kinds.get(fact.type)?.fields(fact) ?? Option.none()
    const type = Option.isSome(fields) ? fact.type : "omitted"
    const json = JSON.stringify(Option.getOrElse(fields, () => ({})))
    const rest = json === "{}" ? "}" : `,${json.slice(1)}`
    return (seq) => ({
      seq,
      type,
      frame: Buffer.from(`{"type":"${type}","seq":${seq}${rest}`),
      committedAt,
      traceparent
    })
  }

  build(record: EventRecord): InboxEvent {
    return this.prepare(record)(record.seq)
  }
}
