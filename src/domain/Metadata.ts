import { Schema } from "effect"

/** The most bytes of metadata, as JSON in UTF-8 with all digits of each number. */
export const MAX_METADATA_BYTES = 2048

const isStorable = (value: unknown): boolean => {
  if (typeof value === "string") return !value.includes("\u0000") && value.isWellFormed()
  if (Array.isArray(value)) return value.every(isStorable)
  return typeof value === "object" && value !== null
    ? Object.entries(value).every(([key, inner]) => isStorable(key) && isStorable(inner))
    : true
}

/** More values than this are always too many bytes: each takes at least two, a character and a separator. */
const MAX_VALUES = MAX_METADATA_BYTES / 2 + 1

/**
 * A value with all that it holds; `undefined` for more than `MAX_VALUES`. Without recursion: thousands of nested levels would overflow
 * the stack.
 */
const valuesIn = (value: Schema.Json): ReadonlyArray<Schema.Json> | undefined => {
  const values: Array<Schema.Json> = [value]
  for (let i = 0; i < values.length; i++) {
    if (i > MAX_VALUES) return undefined
    const one = values[i]
    if (typeof one === "object" && one !== null) for (const inner of Object.values(one)) values.push(inner)
  }
  return values
}

/**
 * How many characters `jsonb` shows beyond the JSON text of a value. It keeps a number without its exponent: of `1e308` it shows 309
 * digits, and of `1e-7` it shows `0.0000001`.
 */
const addedDigits = (value: Schema.Json): number => {
  if (typeof value !== "number") return 0
  const [text, fraction = "", exponent] = /^-?\d(?:\.(\d+))?e([+-]\d+)$/.exec(String(value)) ?? []
  if (text === undefined) return 0
  const sign = value < 0 ? 1 : 0
  const digits = Number(exponent) > 0 ? 1 + Number(exponent) : 2 - Number(exponent) + fraction.length
  return sign + digits - text.length
}

const TOO_LARGE = `must have at most ${MAX_METADATA_BYTES} bytes as JSON`

const fits = Schema.makeFilter(
  (value: { readonly [key: string]: Schema.Json }) => {
    const values = valuesIn(value)
    if (values === undefined) return TOO_LARGE
    const json = JSON.stringify(value)
    const limit = MAX_METADATA_BYTES - values.reduce<number>((sum, one) => sum + addedDigits(one), 0)
    if (json.length > limit || new TextEncoder().encode(json).length > limit) return TOO_LARGE
    return isStorable(value) || "must be well-formed Unicode without NUL characters (U+0000)"
  },
  { toJsonSchema: () => [{}, true] }
)

/** A JSON object of the application's own. The server stores and returns it, and never interprets it. */
export const Metadata = Schema.Record(Schema.String, Schema.Json)
  .check(fits)
  .annotate({
    description: `A JSON object of the application's own, at most ${MAX_METADATA_BYTES} bytes: kept and handed back, never interpreted`,
    examples: [{ attachments: ["https://example.com/cat.png"] }]
  })
export type Metadata = typeof Metadata.Type
