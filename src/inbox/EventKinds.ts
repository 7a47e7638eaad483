import { Context, Option, type Schema } from "effect"
import {
  BlockFrame,
  ConversationAddedFrame,
  ConversationRemovedFrame,
  ConversationUpdatedFrame,
  MemberAddedFrame,
  MemberRemovedFrame,
  MemberUpdatedFrame,
  MessageDeletedFrame,
  MessageFrame,
  MessageSentFrame,
  MessageUpdatedFrame,
  OmittedFrame,
  ReactionFrame,
  ReadEventFrame,
  type ServerEvent,
  UserUpdatedFrame
} from "../api/EventFrames.ts"
import type { SUBPROTOCOLS } from "../api/Protocol.ts"
import { isTombstoneName } from "../domain/Erasure.ts"
import type { EventFact, EventRecord, InboxEvent, SharedBytes } from "../domain/Event.ts"
import type { EventPayload, PayloadKind } from "../domain/EventPayloads.ts"
import type { Message } from "../domain/Message.ts"

/** What an event reports, where the server itself acts on it beside delivering it. */
export type Report =
  /** The user received a message: the delivery lag is measured. */
  | "message received"
  /** The user sent a message. */
  | "message sent"
  /** The user blocked another one, or took a block back: each socket looks up anew which of its watched users it may see. */
  | "block changed"
  /** A membership ended, of the user or of another one: each socket looks up anew which of its watched users it may see. */
  | "membership ended"

interface KindOf<Fields> {
  /** The oldest subprotocol whose sockets get the event. */
  readonly since: (typeof SUBPROTOCOLS)[number]
  readonly reports?: Report
  /** The fields of the frame, beside `type` and `seq`; none when the row lacks what the kind needs. */
  readonly fields: (fact: EventFact) => Option.Option<Fields>
}

/** How events of one kind are built and delivered. */
export interface EventKind extends KindOf<object> {
  /** The `type` of the frames. */
  readonly frameType: string
}

type FrameSchema = Schema.Top & { readonly fields: { readonly type: Schema.Literal<string> } }

/** Declares a kind whose frames have a schema. Fields that are not those of the schema do not compile. */
export const eventKind = <Frame extends FrameSchema>(
  frame: Frame,
  kind: KindOf<Omit<Frame["Type"], "type" | "seq">>
): EventKind => ({ ...kind, frameType: frame.fields.type.literal })

const message = (fact: EventFact): Option.Option<Message> => Option.fromNullishOr(fact.message)

// The `client_id` is shown to the sender's own devices only.
const messageSent = (fact: EventFact) =>
  Option.map(message(fact), (fields) =>
    fact.clientId === undefined ? fields : { ...fields, client_id: fact.clientId }
  )

const messageDeleted = ({ message }: EventFact) =>
  message?.conversation_id === undefined || message.deleted_at === undefined
    ? Option.none()
    : Option.some({
        message_id: message.id,
        conversation_id: message.conversation_id,
        sender_id: message.sender_id,
        deleted_at: message.deleted_at,
        // The sender was erased, and has another name now.
        ...(isTombstoneName(message.sender_username) ? { sender_username: message.sender_username } : {})
      })

/** The payload of a row is the fields of its frame. The SQL that appends the row builds it: it is not decoded here. */
const payload =
  <Kind extends PayloadKind>(_: Kind) =>
  (fact: EventFact): Option.Option<EventPayload<Kind>> =>
    typeof fact.payload === "object" && fact.payload !== null
      ? Option.some(fact.payload as EventPayload<Kind>)
      : Option.none()

const v2 = { since: "minichat.v2" } as const

/**
 * Every kind of event, by the `type` of its row: the one place, beside the schemas of its payload and frame and the SQL that
 * appends it, that a new kind touches. A reference, so that a test can have kinds of its own.
 */
export const EventKinds = Context.Reference<Readonly<Record<string, EventKind>>>(
  "minichat/inbox/EventKinds",
  {
    defaultValue: () =>
      ({
        message: eventKind(MessageFrame, {
          since: "minichat.v1",
          reports: "message received",
          fields: message
        }),
        message_sent: eventKind(MessageSentFrame, { ...v2, reports: "message sent", fields: messageSent }),
        // Clients of the original protocol expect a receiver of each message.
        group_message: eventKind(MessageFrame, { ...v2, reports: "message received", fields: message }),
        group_message_sent: eventKind(MessageSentFrame, {
          ...v2,
          reports: "message sent",
          fields: messageSent
        }),
        message_updated: eventKind(MessageUpdatedFrame, { ...v2, fields: message }),
        message_deleted: eventKind(MessageDeletedFrame, { ...v2, fields: messageDeleted }),
        reaction: eventKind(ReactionFrame, { ...v2, fields: payload("reaction") }),
        conversation_added: eventKind(ConversationAddedFrame, {
          ...v2,
          fields: payload("conversation_added")
        }),
        conversation_updated: eventKind(ConversationUpdatedFrame, {
          ...v2,
          fields: payload("conversation_updated")
        }),
        conversation_removed: eventKind(ConversationRemovedFrame, {
          ...v2,
          reports: "membership ended",
          fields: payload("conversation_removed")
        }),
        member_added: eventKind(MemberAddedFrame, { ...v2, fields: payload("member_added") }),
        member_updated: eventKind(MemberUpdatedFrame, { ...v2, fields: payload("member_updated") }),
        member_removed: eventKind(MemberRemovedFrame, {
          ...v2,
          reports: "membership ended",
          fields: payload("member_removed")
        }),
        read: eventKind(ReadEventFrame, { ...v2, fields: payload("read") }),
        block: eventKind(BlockFrame, { ...v2, reports: "block changed", fields: payload("block") }),
        user_updated: eventKind(UserUpdatedFrame, { ...v2, fields: payload("user_updated") })
      }) satisfies Record<string, EventKind> & Record<Exclude<ServerEvent["type"], "omitted">, EventKind>
  }
)

/** Stands for an event that this release cannot build, so that no client misses a number. */
const OMITTED = eventKind(OmittedFrame, { since: "minichat.v2", fields: () => Option.some({}) })

const NO_FIELDS = {}

/** What is known of a fact's events before they are built. */
interface Prepared {
  readonly type: string
  readonly build: (seq: number) => InboxEvent
}

/** Builds events by the table of kinds. */
export class EventBuilder {
  private readonly kinds: ReadonlyMap<string, EventKind>
  private lastFields: object = NO_FIELDS
  private lastEnd = "}"
  /** The types of the events that report a new message, to its sender or to its receivers. */
  readonly newMessageTypes: ReadonlyArray<string>

  constructor(kinds: Readonly<Record<string, EventKind>>) {
    this.kinds = new Map([...Object.entries(kinds), ["omitted", OMITTED]])
    this.newMessageTypes = Object.keys(kinds).filter(
      (type) => kinds[type]?.reports === "message received" || kinds[type]?.reports === "message sent"
    )
  }

  /** Whether sockets of version 1 get events of this type. A type that this release does not know is for version 2 only. */
  isForVersion1(type: string): boolean {
    return this.kinds.get(type)?.since === "minichat.v1"
  }

  reportOf(type: string): Report | undefined {
    return this.kinds.get(type)?.reports
  }

  /**
   * The events of a fact, each built at its number. The fields are encoded once, with the first of them. A fact that cannot be built
   * becomes `omitted` events.
   */
  prepare(fact: EventFact, traceparent?: string): Prepared {
    const { committedAt } = fact
    const fields = this.kinds.get(fact.type)?.fields(fact) ?? Option.none()
    const type = Option.isSome(fields) ? fact.type : "omitted"
    const { frameType } = this.kinds.get(type) ?? OMITTED
    const beforeSeq = `{"type":"${frameType}","seq":`
    let afterSeq: string | undefined
    let shared: SharedBytes | undefined
    let built = 0
    const build = (seq: number): InboxEvent => {
      afterSeq ??= this.endOf(Option.getOrElse(fields, () => NO_FIELDS))
      // The second and further events share the encoded bytes: a group has as many as members.
      if (++built === 2) shared = { beforeSeq: Buffer.from(beforeSeq), afterSeq: Buffer.from(afterSeq) }
      if (shared === undefined) {
        return { seq, type, frame: Buffer.from(`${beforeSeq}${seq}${afterSeq}`), committedAt, traceparent }
      }
      const frame = Buffer.concat([shared.beforeSeq, Buffer.from(String(seq), "latin1"), shared.afterSeq])
      return { seq, type, frame, committedAt, traceparent, shared }
    }
    return { type, build }
  }

  /** A frame after its number. The fields of the two events of a message are one object, most often, which is serialized once. */
  private endOf(fields: object): string {
    if (fields !== this.lastFields) {
      const json = JSON.stringify(fields)
      this.lastEnd = json === "{}" ? "}" : `,${json.slice(1)}`
      this.lastFields = fields
    }
    return this.lastEnd
  }

  build(record: EventRecord): InboxEvent {
    return this.prepare(record).build(record.seq)
  }
}
