import { Schema, SchemaTransformation } from "effect"
import { ConversationId } from "../domain/ConversationId.ts"
import { EpochText } from "../domain/Event.ts"
import { MessageId } from "../domain/Message.ts"
import { UserId } from "../domain/User.ts"

/** The documentation of a whole number that is a parameter. One without a maximum has a format. */
interface Documented {
  readonly description: string
  readonly example?: number
  readonly minimum: number
  readonly maximum?: number
  readonly format?: "int32" | "int64"
  readonly default?: number
}

/** The digits of a whole number. On the wire a parameter is text; it is documented as the number that the text stands for. */
const digits = (pattern: RegExp, message: string, { example, ...documented }: Documented) =>
  Schema.String.check(
    Schema.isPattern(pattern, {
      message,
      toJsonSchema: () => ({
        type: "integer",
        ...documented,
        ...(example === undefined ? {} : { examples: [example] })
      })
    })
  )

/** Digits to a number. A number too large to be exact becomes the largest exact one: no id and no event has a number as large. */
const toNumber = SchemaTransformation.transform({
  decode: (text: string) => Math.min(Number(text), Number.MAX_SAFE_INTEGER),
  encode: (value: number) => String(value)
})

interface Docs extends Pick<Documented, "description" | "example"> {}

const idDigits = (format: "int32" | "int64", docs: Docs) =>
  digits(/^[1-9][0-9]*$/, "must be a whole number of at least 1, in digits", { ...docs, minimum: 1, format })

/** A user id. An id above the range of int4 is accepted: no user has it, so the answer is a 404 or an empty list. */
export const userIdParam = (docs: Docs) => idDigits("int32", docs).pipe(Schema.decodeTo(UserId, toNumber))

/** A message id, as the upper bound of a page. An id above the range of int8 is accepted: every message is below it. */
export const messageIdParam = (docs: Docs) =>
  idDigits("int64", docs).pipe(Schema.decodeTo(MessageId, toNumber))

/** The user whom a path or a query is about. */
export const UserIdParam = userIdParam({ description: "The id of the user", example: 1 })

/** A number of at least 1 that is no id. */
export const positiveParam = (docs: Docs) =>
  idDigits("int64", docs).pipe(Schema.decodeTo(Schema.Finite, toNumber))

/** The conversation that a path or a query is about. */
export const conversationIdParam = (docs: Docs) =>
  idDigits("int64", docs).pipe(Schema.decodeTo(ConversationId, toNumber))

export const ConversationIdParam = conversationIdParam({
  description: "The id of the conversation",
  example: 3
})

const actingDocs = "For whom the call acts; the token's own user when it is left out"

/** The user for whom a call without a body acts. Without a user's token it must be given: otherwise the handler refuses the call. */
export const ActingUser = Schema.optionalKey(userIdParam({ description: actingDocs }))

/** The user for whom a call with a body acts, as a field of the body. */
export const actingUser = {
  user_id: Schema.optionalKey(UserId).annotate({ description: actingDocs })
}

interface Bounds extends Required<Pick<Documented, "minimum" | "maximum">> {
  /** What to do above the maximum; the end of the error message. */
  readonly hint?: string
}

const natural = ({ minimum, maximum, hint = "" }: Bounds, documented: Omit<Documented, "minimum">) => {
  const message = `must be a whole number from ${minimum} to ${maximum}`
  return digits(/^[0-9]+$/, `${message}, in digits`, { ...documented, minimum }).pipe(
    Schema.decodeTo(
      Schema.Finite.check(Schema.isBetween({ minimum, maximum }, { message: `${message}${hint}` })),
      toNumber
    )
  )
}

/** A parameter that may be left out. A handler takes `byDefault` then. */
const optional = (bounds: Bounds, byDefault: number, docs: Docs) => ({
  schema: Schema.optionalKey(natural(bounds, { ...docs, maximum: bounds.maximum, default: byDefault })),
  byDefault
})

/** The most rows that a call may skip: a skipped row costs as much as one that is answered. Pages further on are read by key. */
export const MAX_SKIP = 10_000

/** How many rows to skip. `byKey` is the parameter to page by key with. */
export const skip = (byKey: string) =>
  optional({ minimum: 0, maximum: MAX_SKIP, hint: `; use ${byKey} to page further` }, 0, {
    description: `How many rows to pass over; page further with ${byKey}`
  })

/** How many rows to answer with, at most. */
export const limit = (byDefault: number, maximum = 1000) =>
  optional({ minimum: 1, maximum }, byDefault, {
    description: "How many rows to answer with, at most"
  })

/** The epoch that a `since` belongs to, in a query: as the server sent it. */
export const EpochParam = EpochText.annotate({
  description: "The `epoch` that came with `since`; without it, `since` is taken for a number of this history"
})

/** How long a poll waits for an event, in whole seconds. */
export const Wait = optional({ minimum: 0, maximum: 30 }, 0, {
  description: "How many seconds to wait for an event when there is none"
})

/** A place in an inbox. Its maximum is the largest exact number, which the documented format implies. */
export const SeqParam = natural(
  { minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
  {
    description: "The `seq` of the last event that the caller has; 0 for all",
    example: 0,
    format: "int64"
  }
)
