import { Schema } from "effect"

export interface Outgoing {
  readonly clientId: string
  readonly senderId: number
  readonly receiverId: number
  readonly content: string
}

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
