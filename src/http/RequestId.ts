import { Effect } from "effect"
import type { HttpServerRequest } from "effect/http"
import { NodeId } from "../presence/NodeId.ts"

/** The request ids that are accepted from callers: short, and safe in a log line. */
const ACCEPTED = /^[\w.:-]{1,100}$/

/** Makes the id of a request: the caller's `x-request-id`, else the id of this node and a number that it uses once. */
export const make = Effect.map(NodeId, (node) => {
  let requests = 0
  return ({ headers }: HttpServerRequest.HttpServerRequest): string => {
    const given = headers["x-request-id"]
    return given !== undefined && ACCEPTED.test(given) ? given : `${node}-${(requests++).toString(36)}`
  }
})
