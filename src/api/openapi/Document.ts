import type { OpenApi } from "effect/http-api"
import { operations } from "./Examples.ts"
import type { OperationExamples } from "./ExampleTypes.ts"
import { describeParameters } from "./Parameters.ts"
import { problems as byDefault, invalid } from "./ProblemExamples.ts"

type Json = Record<string, unknown>

type Operation = OpenApi.OpenAPISpecOperation

const PROBLEM = "application/problem+json"

/** One JSON value a line: the example is that of one line. */
const LINES = "application/x-ndjson"

/**
 * Completes the generated document by what readers and client generators need and the schemas do not have. Throws an
 * error that names each endpoint without an example and each parameter without a description or bounds.
 */
export const document = (generated: object): Json => {
  const spec = clean(generated) as OpenApi.OpenAPISpec
  const missing: Array<string> = []
  for (const path of Object.values(spec.paths)) {
    for (const operation of Object.values(path) as Array<Operation>) {
      removeErrorsOfInput(operation)
      addHeaders(operation)
      // Only `Authorization` answers 401.
      operation.security = operation.responses[401] === undefined ? [] : [{ bearer: [] }]
      missing.push(...describeParameters(operation), ...addExamples(operation))
    }
  }
  if (missing.length > 0) {
    throw new Error(
      `The documentation lacks ${missing.join(", ")}. Examples stand in src/api/openapi/*Examples.ts, the rest on the schema of each parameter`
    )
  }
  // Relative to the document, so that it also holds behind a proxy that adds a prefix.
  return {
    ...spec,
    components: { ...spec.components, securitySchemes: { bearer } },
    servers: [{ url: "." }]
  }
}

const bearer = {
  type: "http",
  scheme: "bearer",
  bearerFormat: "JWT",
  description:
    "A JWT whose `sub` is the user's id, or one with `scope` `service`. With JWT_SUBJECT=external `sub` is the user's external id; " +
    "JWT_USER_CLAIM names another claim in place of `sub`. Needed when the server runs with AUTH=required"
}

/**
 * Cleans a generated schema: removes the suffix of encoded classes from the names of errors, allows objects to gain fields, and moves
 * bounds from an `allOf` into the schema that they bound.
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
  // Effect gives a whole number the bounds of exact numbers first; the narrower bounds come later in the list.
  return Object.assign(rest, ...allOf)
}

/** Removes the answers to bad input from operations without input. */
const removeErrorsOfInput = ({ responses, requestBody, parameters }: Operation) => {
  if (requestBody !== undefined) return
  delete responses[413]
  delete responses[415]
  if (parameters.length === 0) delete responses[422]
}

/** Adds the examples of an operation, and answers which are missing. */
const addExamples = ({ operationId, requestBody, responses }: Operation): ReadonlyArray<string> => {
  const { request, answers, invalidField, problems } = examplesOf(operationId)
  const missing: Array<string> = []
  const add = (media: object | undefined, example: unknown, what: string) => {
    if (media === undefined) return
    if (example === undefined) missing.push(`an example of ${what}`)
    else Object.assign(media, { example })
  }
  add(requestBody?.content["application/json"], request, `the request ${operationId}`)
  for (const [status, { content }] of Object.entries(responses)) {
    const media = content?.["application/json"] ?? content?.[LINES]
    add(media, answers[Number(status)], `the answer ${status} of ${operationId}`)
    const problem = content?.[PROBLEM]
    if (problem === undefined) continue
    if (status === "422") add(problem, invalid(invalidField), `a bad field of ${operationId}`)
    else missing.push(...addProblems(problem, problems))
  }
  return missing
}

const examplesOf = (operationId: string): OperationExamples => {
  const examples: Readonly<Record<string, OperationExamples>> = operations
  return examples[operationId] ?? { answers: {} }
}

const addProblems = (media: OpenApi.OpenApiSpecMediaType, own: OperationExamples["problems"]) => {
  const problems = { ...byDefault, ...own }
  const { schema }: { readonly schema: Json } = media
  const names = ((schema.anyOf ?? [schema]) as Array<Json>).map(({ $ref }) => String($ref).split("/").at(-1)!)
  Object.assign(
    media,
    names.length === 1
      ? { example: problems[names[0]!] }
      : { examples: Object.fromEntries(names.map((name) => [name, { value: problems[name] }])) }
  )
  return names.filter((name) => problems[name] === undefined).map((name) => `an example of ${name}`)
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
