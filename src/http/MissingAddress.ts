import { Effect, Option } from "effect"
import { HttpServerRequest } from "effect/http"
import { CurrentUser } from "../api/Authorization.ts"
import type { ValidationFailed } from "../api/Problems.ts"
import { ADDRESSEE_NEEDED } from "../domain/Message.ts"

/** What a call is told that does not say for whom it acts. */
export const NOBODY = "must be given: no user's token says for whom this is"

/**
 * Who sends and to whom, as far as the body of a send does not say it. Whether these are needed depends on the caller and on one
 * another, which is looked at only once every field decodes. A body with other bad fields is to be told of these, too.
 */
export const missingAddress = Effect.gen(function* () {
  const request = yield* HttpServerRequest.HttpServerRequest
  const caller = yield* Effect.serviceOption(CurrentUser)
  const body = yield* Effect.catch(request.json, () => Effect.succeed(undefined))
  const missing: Array<ValidationFailed["errors"][number]> = []
  if (typeof body !== "object" || body === null || Array.isArray(body)) return missing
  if (!("sender_id" in body) && !Option.exists(caller, ({ _tag }) => _tag === "Member"))
    missing.push({ path: ["payload", "sender_id"], message: NOBODY })
  if (!("receiver_id" in body || "conversation_id" in body))
    missing.push({ path: ["payload", "receiver_id"], message: ADDRESSEE_NEEDED })
  return missing
})
