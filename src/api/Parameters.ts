import { Effect, Schema, SchemaTransformation } from "effect"
import { MessageId } from "../domain/Message.ts"
import { UserId } from "../domain/User.ts"

/** Digits that no exact number stands for are above every id, place and bound, and so is the largest one. */
const digitsToNumber = SchemaTransformation.transform({
  decode: (text: string) => Math.min(Number(text), Number.MAX_SAFE_INTEGER),
  encode: (value: number) => String(value)
})

const positive = Schema.String.check(
  Schema.isPattern(/^[1-9][0-9]*$/, { message: "must be a whole number of at least 1, in digits" })
)

/** A user id in a path or query. Digits above the column's range decode: they name nobody. */
export const UserIdParam = positive.pipe(Schema.decodeTo(Schema.toType(UserId), digitsToNumber as never))

/** A message id in a query. Digits above the column's range decode: every id is below them. */
export const MessageIdParam = positive.pipe(
  Schema.decodeTo(Schema.toType(MessageId), digitsToNumber as never)
)

const natural = (minimum: number, maximum: number, hint = "") =>
  Schema.String.check(
    Schema.isPattern(/^[0-9]+$/, {
      message: `must be a whole number from ${minimum} to ${maximum}, in digits`
    })
  ).pipe(
    Schema.decodeTo(
      Schema.Finite.check(
        Schema.isBetween(
          { minimum, maximum },
          { message: `must be a whole number from ${minimum} to ${maximum}${hint}` }
        )
      ),
      digitsToNumber
    )
  )

const withDefault = <S extends Schema.Top>(schema: S, value: S["Type"]) =>
  schema.pipe(Schema.withDecodingDefaultTypeKey(Effect.succeed(value as never)))

/** How many rows may be passed over: each costs as much as one that is read. What is beyond is paged by key. */
export const MAX_SKIP = 10_000

/** How many rows to pass over. `byKey` is the parameter that pages further. */
export const skip = (byKey: string) => withDefault(natural(0, MAX_SKIP, `; use ${byKey} to page further`), 0)

/** How many rows to answer with, at most. */
export const limit = (byDefault: number) => withDefault(natural(1, 1000), byDefault)

/** A place in an inbox, in a query. */
export const SeqParam = natural(0, Number.MAX_SAFE_INTEGER)

/** How long a poll waits for an event, in whole seconds. */
export const WaitSeconds = withDefault(natural(0, 30), 0)
