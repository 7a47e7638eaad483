import { Effect } from "effect"
import { HttpServerRequest } from "effect/http"
import { Gate } from "../access/Gate.ts"
import type { Act, Operation } from "../access/Policy.ts"
import { CurrentUser } from "../api/Authorization.ts"
import { forbidden, tooManyRequests, userSuspended } from "../api/ProblemOf.ts"
import { ValidationFailed } from "../api/Problems.ts"
import { RateLimited } from "../domain/Caller.ts"
import type { UserId } from "../domain/User.ts"
import { Answers } from "./Answers.ts"
import { NOBODY } from "./MissingAddress.ts"

/** What handlers ask the gate about their caller. A refusal is the problem to answer with. */
export const make = Effect.map(Effect.all([Gate, Answers]), ([gate, answers]) => ({
  permit: (operation: Operation) =>
    Effect.flatMap(CurrentUser, (caller) =>
      Effect.catchTags(gate.permit(caller, operation), { Forbidden: forbidden, Suspended: userSuspended })
    ),

  /** For what a user does. It is taken from the rate of that user that is for acts of its kind. */
  permitAct: (act: Act) => Effect.flatMap(CurrentUser, (caller) => withProblems(gate.permitAct(caller, act))),

  /** Takes what an act cost beyond any of its kind, by how many inboxes were told of it. */
  chargeAct: (act: Act, inboxes: number) =>
    Effect.flatMap(CurrentUser, (caller) => gate.chargeActs(caller, act, [inboxes])),

  /** For a mark of what is read: taken from the rate of that user's actions, as the frame for it. */
  permitAction: (user: UserId) =>
    Effect.flatMap(CurrentUser, (caller) => withProblems(gate.permitAction(caller, user))),

  /**
   * For whom a call acts: the user that it names, else the token's own. A call that names nobody and has no user's token is
   * refused, by the name of the field that is missing. Whether the caller may act for that user is for `permit` to say.
   */
  actingUser: (
    given: UserId | undefined,
    place: "query" | "payload",
    field = "user_id"
  ): Effect.Effect<UserId, ValidationFailed, CurrentUser> =>
    Effect.flatMap(CurrentUser, (caller) => {
      if (given !== undefined) return Effect.succeed(given)
      if (caller._tag === "Member") return Effect.succeed(caller.userId)
      return Effect.fail(invalidField([place, field], NOBODY))
    }),

  /** For a search as a user: takes it from the rates of searches. */
  permitSearch: (user: UserId) =>
    Effect.flatMap(Effect.all([CurrentUser, HttpServerRequest.HttpServerRequest]), ([caller, request]) =>
      Effect.catchTags(gate.permitSearch(caller, request, user), {
        Forbidden: forbidden,
        Suspended: userSuspended,
        RateLimited: tooManyRequests
      })
    ),

  /**
   * Takes a read of so many rows, those that are passed over too, from the rates of its caller. Rows that must be counted first are
   * counted only where something limits the caller.
   */
  permitRows: <E = never>(rows: number | Effect.Effect<number, E>) =>
    Effect.flatMap(Effect.all([CurrentUser, HttpServerRequest.HttpServerRequest]), ([caller, request]) =>
      Effect.mapError(
        gate.permitRows(caller, request, typeof rows === "number" ? Effect.succeed(rows) : rows),
        (error) => (error instanceof RateLimited ? tooManyRequests(error) : error)
      )
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

/** The refusal of one field that the schemas cannot judge. */
export const invalidField = (path: ReadonlyArray<string>, message: string) =>
  ValidationFailed.of([{ path, message }])

/** What is taken from a rate, with its refusals as problems. */
const withProblems = (permitted: ReturnType<Gate["Service"]["permitAct"]>) =>
  Effect.catchTags(permitted, {
    Forbidden: forbidden,
    Suspended: userSuspended,
    RateLimited: tooManyRequests
  })
