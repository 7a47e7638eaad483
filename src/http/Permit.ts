import { Effect } from "effect"
import { allows, type Operation } from "../access/Policy.ts"
import { CurrentUser } from "../api/Authorization.ts"
import { Forbidden } from "../api/Problems.ts"

/** Goes on when the caller may do this, and is a 403 otherwise. */
export const permit = (operation: Operation) =>
  Effect.flatMap(CurrentUser, (caller) =>
    allows(caller, operation)
      ? Effect.void
      : Effect.fail(new Forbidden({ detail: "The token does not allow this for that user" }))
  )
