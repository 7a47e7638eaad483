import { Schema, type SchemaAST, SchemaTransformation } from "effect"

const storable = Schema.makeFilter(
  (text: string) =>
    (!text.includes("\u0000") && text.isWellFormed()) ||
    "must be well-formed Unicode without NUL characters (U+0000)",
  { toJsonSchema: () => [{}, true] }
)

/** Text that PostgreSQL stores and JSON carries byte for byte: no NUL, no lone surrogate. */
export const Text = Schema.String.check(storable)

/** Text that is trimmed, and then has 1 to `maximum` code points. */
export const trimmedText = (
  maximum: number,
  example: string,
  ...checks: ReadonlyArray<SchemaAST.Check<string>>
) => {
  const docs = {
    description: `1 to ${maximum} characters; white space around it is dropped`,
    examples: [example],
    // `true`: replaces the JSON Schema of the checks, which would refuse the white space that is trimmed first.
    toJsonSchema: () => [{ minLength: 1, maxLength: maximum }, true] as const
  }
  return Text.annotate(docs).pipe(
    Schema.decodeTo(
      Schema.String.check(
        Schema.isBetweenCodePoints(1, maximum, {
          message: `must have 1 to ${maximum} characters, white space around it aside`
        }),
        ...checks
      ),
      SchemaTransformation.trim()
    ),
    Schema.annotate(docs)
  )
}

/** RFC 3339 in UTC with milliseconds, e.g. `2026-01-31T12:00:00.000Z`. */
export const Timestamp = Schema.String.annotate({
  description: "RFC 3339 time in UTC with milliseconds",
  format: "date-time",
  examples: ["2026-01-31T12:00:00.000Z"]
})
