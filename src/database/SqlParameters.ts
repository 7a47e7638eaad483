import { PgTypes } from "@effect/sql-pg"
import { Result } from "effect"

/** int8 as a number, both ways: ids and sequence numbers stay far below 2^53. */
export const types = PgTypes.makeRegistry()
types.register<number>(PgTypes.OID.int8, {
  encode: (value) => {
    const bytes = new Uint8Array(8)
    new DataView(bytes.buffer).setBigInt64(0, BigInt(value))
    return Result.succeed(bytes)
  },
  // Without a bigint in between, which takes seven times as long: a page of 50 messages has 100 of them.
  decode: (bytes) => Result.succeed(int32At(bytes, 0) * 2 ** 32 + (int32At(bytes, 4) >>> 0))
})

/** The big-endian number of four bytes. */
const int32At = (bytes: Uint8Array, at: number): number =>
  (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!

export const int4 = PgTypes.int4

/** An int8 parameter for a client with `types`. A number too large to be exact counts as the largest exact one. */
export const int8 = (value: number) =>
  PgTypes.int8(Math.min(value, Number.MAX_SAFE_INTEGER) as unknown as bigint)

export const int4Array = (values: ReadonlyArray<number>) =>
  Result.getOrThrow(PgTypes.array(values, PgTypes.OID.int4, types))

/** For a client with `types`. */
export const int8Array = (values: ReadonlyArray<number | null>) =>
  Result.getOrThrow(PgTypes.array(values, PgTypes.OID.int8, types))

/** Stands for an array that has no value: a function finds null at each place of either. */
const unlessEmpty =
  <A, B>(array: (values: ReadonlyArray<A | null>) => B) =>
  (values: ReadonlyArray<A | null>) =>
    values.every((value) => value === null) ? null : array(values)

export const textArray = (values: ReadonlyArray<string | null>) =>
  Result.getOrThrow(PgTypes.array(values, PgTypes.OID.text, types))

/** `int8Array` for a function that reads the array by place only; null when there is no value. */
export const optionalInt8Array = unlessEmpty<number, ReturnType<typeof int8Array>>(int8Array)

/** `textArray` for a function that reads the array by place only; null when there is no value. */
export const optionalTextArray = unlessEmpty<string, ReturnType<typeof textArray>>(textArray)
