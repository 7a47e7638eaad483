/** A value as JSON in UTF-8. `A`, the type of the value, is known to the compiler alone. */
export interface JsonBytes<A> extends Uint8Array {
  readonly "~value"?: A
}

const encoder = new TextEncoder()

/** Serializes a value that has a JSON form. */
export const jsonBytes = <A>(value: A): JsonBytes<A> => encoder.encode(JSON.stringify(value))
