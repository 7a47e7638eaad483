import type { OpenApi } from "effect/http-api"

type Json = Record<string, unknown>

const id = (format: "int32" | "int64") => ({ type: "integer", format, minimum: 1 })

const parameters: Record<
  string,
  { readonly schema: Json; readonly description: string; readonly example?: unknown }
> = {
  user_id: { schema: id("int32"), description: "The id of the user", example: 1 },
  chat_with: { schema: id("int32"), description: "Only messages exchanged with this user" },
  before_id: { schema: id("int64"), description: "Only messages with an id below this one" },
  skip: {
    schema: { type: "integer", minimum: 0, maximum: 2_147_483_647, default: 0 },
    description: "How many rows to pass over"
  },
  limit: {
    schema: { type: "integer", minimum: 1, maximum: 1000 },
    description: "How many rows to answer with, at most"
  },
  since: {
    schema: { type: "integer", format: "int64", minimum: 0 },
    description: "The `seq` of the last event that the caller has; 0 for all",
    example: 0
  },
  epoch: {
    schema: { type: "string", minLength: 1, maxLength: 64 },
    description: "The `epoch` that came with `since`; without it, the caller takes the history for the same"
  },
  wait: {
    schema: { type: "integer", minimum: 0, maximum: 30, default: 0 },
    description: "How many seconds to wait for an event when there is none"
  }
}

const limitDefaults: Record<string, number> = {
  "users.list": 100,
  "users.events": 100,
  "messages.history": 50
}

/**
 * Documents an operation's path and query parameters as the integers that they are: on the wire they are
 * strings, and that is what their codecs would document.
 */
export const describeParameters = ({ operationId, parameters: described }: OpenApi.OpenAPISpecOperation) => {
  for (const parameter of described) {
    const known = parameters[parameter.name]!
    Object.assign(parameter, known)
    if (parameter.name === "limit")
      parameter.schema = { ...known.schema, default: limitDefaults[operationId] }
  }
}
