import { Effect, Schema, SchemaTransformation } from "effect"
import { EpochText } from "../domain/Event.ts"
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

const natural = (minimum: number, maximum: number) =>
  Schema.String.check(
    Schema.isPattern(/^[0-9]+$/, {
      message: `must be a whole number from ${minimum} to ${maximum}, in digits`
    })
  ).pipe(
    Schema.decodeTo(
      Schema.Finite.check(
        Schema.isBetween(
          { minimum, maximum },
          { message: `must be a whole number from ${minimum} to ${maximum}` }
        )
      ),
      digitsToNumber
    )
  )

const withDefault = <S extends Schema.Top>(schema: S, value: S["Type"]) =>
  schema.pipe(Schema.withDecodingDefaultTypeKey(Effect.succeed(value as never)))

/** How many rows to pass over. */
export const Skip = withDefault(natural(0, 2_147_483_647), 0)

/** How many rows to answer with, at most. */
export const limit = (byDefault: number) => withDefault(natural(1, 1000), byDefault)

/** A place in an inbox, in a query. */
export const SeqParam = natural(0, Number.MAX_SAFE_INTEGER)

/** The history of the database that a place belongs to, in a query: as the server told it. */
export const EpochParam = EpochText

/** How long a poll waits for an event, in whole seconds. */
export const WaitSeconds = withDefault(natural(0, 30), 0)
