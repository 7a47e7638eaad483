import type { OpenApi } from "effect/http-api"
import { invalid, operations, problems } from "./Examples.ts"
import { describeParameters } from "./Parameters.ts"

type Json = Record<string, unknown>

type Operation = OpenApi.OpenAPISpecOperation

const PROBLEM = "application/problem+json"

/** Completes the generated document: what a person or a generator of clients needs and the schemas do not say. */
export const document = (generated: object): Json => {
  const spec = clean(generated) as OpenApi.OpenAPISpec
  for (const path of Object.values(spec.paths)) {
    for (const operation of Object.values(path) as Array<Operation>) {
      describeParameters(operation)
      removeErrorsOfInput(operation)
      addExamples(operation)
      addHeaders(operation)
    }
  }
  return { ...spec }
}

/**
 * Errors are the encoded side of classes, which is no part of their names. Objects may gain fields, and unknown
 * ones are ignored. Bounds that stand in an `allOf` beside what they bound are moved to it.
 */
const clean = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(clean)
  if (typeof value !== "object" || value === null) return value
  const object: Json = {}
  for (const [key, child] of Object.entries(value)) {
    if (key === "additionalProperties" && child === false) continue
    object[key.replace(/Encoded$/, "")] =
      key === "$ref" ? String(child).replace(/Encoded$/, "") : clean(child)
  }
  return withOwnBounds(object)
}

const withOwnBounds = (schema: Json): Json => {
  const { allOf, ...rest } = schema
  if (!Array.isArray(allOf) || allOf.some((part) => "$ref" in part || "allOf" in part)) return schema
  // Effect gives a whole number the bounds of exact ones; the narrower bound is the later.
  return Object.assign(rest, ...allOf)
}

/** What is answered to bad input cannot be answered where there is none. */
const removeErrorsOfInput = ({ responses, requestBody, parameters }: Operation) => {
  if (requestBody !== undefined) return
  delete responses[413]
  delete responses[415]
  if (parameters.length === 0) delete responses[422]
}

const addExamples = ({ operationId, requestBody, responses }: Operation) => {
  const { request, answers, invalidField } = operations[operationId]!
  Object.assign(requestBody?.content["application/json"] ?? {}, { example: request })
  for (const [status, { content }] of Object.entries(responses)) {
    const answer = content?.["application/json"]
    if (answer !== undefined) Object.assign(answer, { example: answers[status] })
    const problem = content?.[PROBLEM]
    if (problem === undefined) continue
    if (status === "422") Object.assign(problem, { example: invalid(invalidField) })
    else Object.assign(problem, problemExamples(problem.schema))
  }
}

const problemExamples = (schema: Json) => {
  const names = ((schema.anyOf ?? [schema]) as Array<Json>).map(({ $ref }) => String($ref).split("/").at(-1)!)
  return names.length === 1
    ? { example: problems[names[0]!] }
    : { examples: Object.fromEntries(names.map((name) => [name, { value: problems[name] }])) }
}

const retryAfter = {
  "Retry-After": {
    required: true,
    description: "In how many seconds to try again",
    schema: { type: "integer", minimum: 1 }
  }
}

const headers: Readonly<Record<string, Record<string, OpenApi.OpenAPISpecHeader>>> = {
  401: { "WWW-Authenticate": { required: true, schema: { type: "string", enum: ["Bearer"] } } },
  429: retryAfter,
  503: retryAfter
}

const addHeaders = ({ responses }: Operation) => {
  for (const [status, response] of Object.entries(responses)) {
    if (headers[status] !== undefined && response.content?.[PROBLEM] !== undefined) {
      response.headers = headers[status]
    }
  }
}
