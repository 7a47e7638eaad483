import { isUtf8 } from "node:buffer"
import { Effect, Layer, SchemaIssue } from "effect"
import { HttpServerRequest } from "effect/http"
import { HttpApiError } from "effect/http-api"
import { UnsupportedMediaType, ValidationFailed } from "../api/Problems.ts"
import { RequestValidation } from "../api/RequestValidation.ts"
import { missingAddress } from "./MissingAddress.ts"
import { readBody } from "./RequestBody.ts"

/** Answers a request that does not decode with a 422 that names each bad field and its fault. */
export const layer = Layer.succeed(RequestValidation, (handler, { endpoint, group }) =>
  Effect.catch(
    BODIES.has(endpoint.method) ? whenUtf8(handler) : handler,
    explained(group.identifier === "messages" && endpoint.identifier === "send")
  )
)

/** The methods whose requests have a body. */
const BODIES: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"])

const explained =
  (isSend: boolean) =>
  <E>(error: E) =>
    HttpApiError.HttpApiSchemaError.is(error)
      ? Effect.flatMap(isSend ? missingAddress : Effect.succeed([]), refusal(error))
      : Effect.fail(error)

/** Refuses a body that is not UTF-8: decoding would replace its bad bytes, and another text than the sent one would be stored. */
const whenUtf8 = <A, E, R>(handler: Effect.Effect<A, E, R>) =>
  Effect.flatMap(
    HttpServerRequest.HttpServerRequest,
    (request): Effect.Effect<A, E | ValidationFailed | UnsupportedMediaType, R> => {
      const coding = request.headers["content-encoding"] ?? "identity"
      if (coding.toLowerCase() !== "identity") return compressed(coding)
      return Effect.flatMap(
        readBody(request),
        (body): Effect.Effect<A, E | ValidationFailed, R> => (isUtf8(body) ? handler : notUtf8)
      )
    }
  )

const compressed = (coding: string) =>
  Effect.fail(
    new UnsupportedMediaType({
      detail: `The body must not be compressed, and has content-encoding ${coding}`
    })
  )

const notUtf8 = Effect.suspend(() => {
  const message = "The body must be UTF-8"
  return Effect.fail(new ValidationFailed({ detail: message, errors: [{ path: ["payload"], message }] }))
})

const describe = SchemaIssue.makeFormatterStandardSchemaV1()

const refusal = (error: HttpApiError.HttpApiSchemaError) => (missing: ValidationFailed["errors"]) => {
  if (error.kind === "Body" || error.kind === "ResponseHeaders") return Effect.die(error)
  const slot = error.kind.toLowerCase()
  const errors = describe(error.cause.issue).issues.map(({ path, message }) => ({
    path: [
      slot,
      ...(path ?? []).map((segment) => String(typeof segment === "object" ? segment.key : segment))
    ],
    message
  }))
  const named = new Set(errors.map(({ path }) => path.join(".")))
  return Effect.fail(
    ValidationFailed.of([...missing.filter(({ path }) => !named.has(path.join("."))), ...errors])
  )
}
