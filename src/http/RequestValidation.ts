import { Effect, SchemaIssue } from "effect"
import { HttpApiMiddleware } from "effect/http-api"
import { RequestValidation } from "../api/Api.ts"
import { ValidationFailed } from "../api/Problems.ts"

const describe = SchemaIssue.makeFormatterStandardSchemaV1()

/** Answers a request that does not decode with a 422 that names each bad field and what is wrong with it. */
export const layer = HttpApiMiddleware.layerSchemaErrorTransform(RequestValidation, (error) => {
  if (error.kind === "Body" || error.kind === "ResponseHeaders") return Effect.die(error)
  const slot = error.kind.toLowerCase()
  const errors = describe(error.cause.issue).issues.map(({ path, message }) => ({
    path: [
      slot,
      ...(path ?? []).map((segment) => String(typeof segment === "object" ? segment.key : segment))
    ],
    message
  }))
  const detail = errors
    .map(({ path, message }) => `${path.slice(1).join(".") || slot}: ${message}`)
    .join("; ")
  return Effect.fail(new ValidationFailed({ detail, errors }))
})
