import { Context, Option } from "effect"
import type { MessageDeletedFrame, MessageFrame, MessageSentFrame, OmittedFrame } from "../api/EventFrames.ts"
import type { SUBPROTOCOLS } from "../api/Protocol.ts"
import { isTombstoneName } from "../domain/Erasure.ts"
import type { EventFact, EventRecord, InboxEvent } from "../domain/Event.ts"

/** The fields of a frame beside its type and number. */
type FieldsOf<Frame> = Omit<Frame, "type" | "seq">

/** How events of one kind are told. */
export interface EventKind {
  /** The oldest subprotocol whose sockets get the event. */
  readonly since: (typeof SUBPROTOCOLS)[number]
  /** The type that the frame has; that of the row when it is left out. */
  readonly toldAs?: string
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

const messageDeleted = ({ message }: EventFact): Option.Option<FieldsOf<typeof MessageDeletedFrame.Type>> =>
  message?.conversation_id === undefined || message.deleted_at === undefined
    ? Option.none()
    : Option.some({
        message_id: message.id,
        conversation_id: message.conversation_id,
        sender_id: message.sender_id,
        deleted_at: message.deleted_at,
        // Whose message it was has another name now.
        ...(isTombstoneName(message.sender_username) ? { sender_username: message.sender_username } : {})
      })

/** The payload of a row is the fields of its frame: the SQL that appends it builds them. */
const payload = (fact: EventFact): Option.Option<object> =>
  typeof fact.payload === "object" && fact.payload !== null ? Option.some(fact.payload) : Option.none()

const told = { since: "minichat.v2", fields: payload } as const

const omitted = (): Option.Option<FieldsOf<typeof OmittedFrame.Type>> => Option.some({})

/**
 * Every kind of event: the one place, beside the kind's schema in `api/EventFrames.ts` and the SQL that appends it, that a new
 * kind touches. A reference, so that a test can have kinds of its own.
 */
export const EventKinds = Context.Reference<Readonly<Record<string, EventKind>>>(
  "minichat/inbox/EventKinds",
  {
    defaultValue: () => ({
      message: { since: "minichat.v1", fields: message },
      message_sent: { since: "minichat.v2", fields: messageSent },
      // Clients of the original protocol expect a receiver of each message.
      group_message: { since: "minichat.v2", toldAs: "message", fields: message },
      group_message_sent: { since: "minichat.v2", toldAs: "message_sent", fields: messageSent },
      message_updated: { since: "minichat.v2", fields: message },
      message_deleted: { since: "minichat.v2", fields: messageDeleted },
      reaction: told,
      conversation_added: told,
      conversation_updated: told,
      conversation_removed: told,
      member_added: told,
      member_updated: told,
      member_removed: told,
      read: told,
      block: told,
      user_updated: told
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
    const toldAs = this.kinds.get(type)?.toldAs ?? type
    const json = JSON.stringify(Option.getOrElse(fields, () => ({})))
    const rest = json === "{}" ? "}" : `,${json.slice(1)}`
    let restBytes: Buffer | undefined
    let built = 0
    return (seq) => {
      const head = `{"type":"${toldAs}","seq":${seq}`
      // The second and further events share the encoded bytes: a group has as many as members.
      if (++built === 2) restBytes = Buffer.from(rest)
      const frame =
        restBytes === undefined
          ? Buffer.from(head + rest)
          : Buffer.concat([Buffer.from(head, "latin1"), restBytes])
      const event = { seq, type, frame, committedAt, traceparent }
      return restBytes === undefined ? event : { ...event, body: restBytes }
    }
  }

  build(record: EventRecord): InboxEvent {
    return this.prepare(record)(record.seq)
  }
}
