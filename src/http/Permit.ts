import { Effect } from "effect"
import { HttpServerRequest } from "effect/http"
import { Gate } from "../access/Gate.ts"
import type { Operation } from "../access/Policy.ts"
import { CurrentUser } from "../api/Authorization.ts"
import { forbidden, tooManyRequests } from "../api/ProblemOf.ts"
import type { UserId } from "../domain/User.ts"
import { Answers } from "./Answers.ts"

/** What handlers ask the gate about their caller. A refusal is the problem to answer with. */
export const make = Effect.map(Effect.all([Gate, Answers]), ([gate, answers]) => ({
  permit: (operation: Operation) =>
    Effect.flatMap(CurrentUser, (caller) => Effect.mapError(gate.permit(caller, operation), forbidden)),

  /** For one send as a user, which is taken from the rate of that user's sends. */
  permitSend: (sender: UserId) =>
    Effect.flatMap(CurrentUser, (caller) =>
      Effect.catchTags(gate.permitSend(caller, sender), {
        Forbidden: forbidden,
        RateLimited: tooManyRequests
      })
    ),

  /** Takes a read of so many rows, those that are passed over too, from the rates of its caller. */
  permitRows: (rows: number) =>
    Effect.flatMap(Effect.all([CurrentUser, HttpServerRequest.HttpServerRequest]), ([caller, request]) =>
      Effect.mapError(gate.permitRows(caller, request, rows), tooManyRequests)
    ),

  /** Waits for room for a page of so many rows of about so many bytes. A user has a share of the node's room. */
  reserve: (
    rows: number,
    rowBytes: number
  ): Effect.Effect<void, never, CurrentUser | HttpServerRequest.HttpServerRequest> =>
    Effect.flatMap(CurrentUser, (caller) =>
      answers.reserve(rows * rowBytes, caller._tag === "Member" ? `user ${caller.userId}` : undefined)
    )
}))
