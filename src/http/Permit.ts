import { Effect } from "effect"
import { Gate } from "../access/Gate.ts"
import type { Operation } from "../access/Policy.ts"
import { CurrentUser } from "../api/Authorization.ts"
import { forbidden, tooManyRequests } from "../api/ProblemOf.ts"
import type { UserId } from "../domain/User.ts"

/** What handlers ask the gate about their caller. A refusal is the problem to answer with. */
export const make = Effect.map(Gate, (gate) => ({
  permit: (operation: Operation) =>
    Effect.flatMap(CurrentUser, (caller) => Effect.mapError(gate.permit(caller, operation), forbidden)),

  /** For one send as a user, which is taken from the rate of that user's sends. */
  permitSend: (sender: UserId) =>
    Effect.flatMap(CurrentUser, (caller) =>
      Effect.catchTags(gate.permitSend(caller, sender), {
        Forbidden: forbidden,
        RateLimited: tooManyRequests
      })
    )
}))
