import { Schema } from "effect"

/** The most bytes of metadata, as JSON in UTF-8. */
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

/** Whether a value holds more than `MAX_VALUES`. Without recursion: thousands of nested levels would overflow the stack. */
const hasTooMany = (value: Schema.Json): boolean => {
  const values: Array<Schema.Json> = [value]
  for (let i = 0; i < values.length; i++) {
    if (i > MAX_VALUES) return true
    const one = values[i]
    if (typeof one === "object" && one !== null) for (const inner of Object.values(one)) values.push(inner)
  }
  return false
}

const TOO_LARGE = `must have at most ${MAX_METADATA_BYTES} bytes as JSON`

const fits = Schema.makeFilter(
  (value: { readonly [key: string]: Schema.Json }) => {
    if (hasTooMany(value)) return TOO_LARGE
    const json = JSON.stringify(value)
    if (json.length > MAX_METADATA_BYTES || new TextEncoder().encode(json).length > MAX_METADATA_BYTES)
      return TOO_LARGE
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
