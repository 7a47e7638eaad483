import { Effect, Option } from "effect"
import { HttpServerRequest } from "effect/http"
import { selfOf } from "../access/Policy.ts"
import { CurrentCaller } from "../api/Authorization.ts"
import type { ValidationFailed } from "../api/Problems.ts"
import { ADDRESSEE_NEEDED } from "../domain/Message.ts"

/** The error of a call without the user that it acts for, which no user's token names either. */
export const NOBODY = "must be given: no user's token says for whom this is"

/**
 * The sender and the addressee that the body of a send lacks. Whether a field is needed depends on the caller and on the other fields,
 * which is checked only once every field decodes. So a body with other bad fields is checked for these here: its 422 names all.
 */
export const missingAddress = Effect.gen(function* () {
  const request = yield* HttpServerRequest.HttpServerRequest
  const caller = yield* Effect.serviceOption(CurrentCaller)
  const body = yield* Effect.catch(request.json, () => Effect.succeed(undefined))
  const missing: Array<ValidationFailed["errors"][number]> = []
  if (typeof body !== "object" || body === null || Array.isArray(body)) return missing
  if (!("sender_id" in body) && Option.flatMapNullishOr(caller, selfOf)._tag === "None")
    missing.push({ path: ["payload", "sender_id"], message: NOBODY })
  if (!("receiver_id" in body || "conversation_id" in body))
    missing.push({ path: ["payload", "receiver_id"], message: ADDRESSEE_NEEDED })
  return missing
})
