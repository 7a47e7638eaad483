import type { OpenApi } from "effect/http-api"

type Json = Record<string, unknown>

/**
 * Moves the description and the first example of each parameter from its schema to the parameter itself, where tools look for
 * them. Changes the operation in place. Returns a phrase for each description and each bounds that a parameter lacks; an example is
 * optional.
 */
export const describeParameters = ({ operationId, parameters }: OpenApi.OpenAPISpecOperation) => {
  const missing: Array<string> = []
  for (const parameter of parameters) {
    const { description, examples, ...schema }: Json = { ...parameter.schema }
    Object.assign(parameter, { schema })
    if (typeof description === "string") parameter.description = description
    if (Array.isArray(examples)) Object.assign(parameter, { example: examples[0] })

    const about = `the parameter ${parameter.name} of ${operationId}`
    if (parameter.description === undefined) missing.push(`a description of ${about}`)
    if (!hasBounds(schema)) missing.push(`bounds of ${about}`)
  }
  return missing
}

/** An integer needs a minimum, and a maximum or a format. Every other type needs `maxLength` or an enum. */
const hasBounds = ({ type, ...schema }: Json) =>
  type === "integer"
    ? "minimum" in schema && ("maximum" in schema || "format" in schema)
    : "maxLength" in schema || "enum" in schema
