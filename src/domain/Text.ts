import { Schema } from "effect"

const storable = Schema.makeFilter(
  (text: string) =>
    (!text.includes("\u0000") && text.isWellFormed()) ||
    "must be well-formed Unicode without NUL characters (U+0000)",
  { toJsonSchema: () => [{}, true] }
)

/** Text that PostgreSQL stores and JSON carries byte for byte: no NUL, no lone surrogate. */
export const Text = Schema.String.check(storable)

/** RFC 3339 in UTC with milliseconds, e.g. `2026-01-31T12:00:00.000Z`. */
export const Timestamp = Schema.String.annotate({
  description: "RFC 3339 time in UTC with milliseconds",
  format: "date-time",
  examples: ["2026-01-31T12:00:00.000Z"]
})
