import { Effect } from "effect"
import type { HttpServerRequest } from "effect/http"
import { NodeId } from "../presence/NodeId.ts"

/** What a caller's own request id may be: one that a log can hold. */
const ACCEPTED = /^[\w.:-]{1,100}$/

/** Names requests: by the caller's `x-request-id`, else by the id of this node and a number that it uses once. */
export const make = Effect.map(NodeId, (node) => {
  let requests = 0
  return ({ headers }: HttpServerRequest.HttpServerRequest): string => {
    const given = headers["x-request-id"]
    return given !== undefined && ACCEPTED.test(given) ? given : `${node}-${(requests++).toString(36)}`
  }
})
