import { Schema } from "effect"

/** A group, as the run made it. */
export interface Group {
  readonly conversationId: number
  readonly memberIds: ReadonlyArray<number>
}

/** A message to send: to the user `receiverId`, or to a group. */
export interface Outgoing {
  readonly clientId: string
  readonly senderId: number
  readonly receiverId?: number
  readonly group?: Group
  readonly content: string
}

/** The fields of a send that say to whom it goes. */
export const addressOf = ({ group, receiverId }: Outgoing) =>
  group === undefined ? { receiver_id: receiverId } : { conversation_id: group.conversationId }

/** All who must get the events of a message and its changes, the sender among them. */
export const readersOf = ({ group, receiverId, senderId }: Outgoing): ReadonlyArray<number> =>
  group?.memberIds ?? (receiverId === undefined ? [senderId] : [senderId, receiverId])

/** The server will never take this message as it is. */
export class Refused extends Schema.TaggedError<Refused>()("Refused", {
  code: Schema.String,
  detail: Schema.String
}) {}

/** No answer, or one that asks to try again: the message may be stored or not, so it is sent again under its client id. */
export class Unanswered extends Schema.TaggedError<Unanswered>()("Unanswered", {
  reason: Schema.String,
  retryAfterMillis: Schema.Finite
}) {}

export const inWords = (error: Refused | Unanswered): string =>
  error._tag === "Refused" ? `${error.code} ${error.detail}` : error.reason
