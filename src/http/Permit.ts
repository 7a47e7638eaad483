import { Effect } from "effect"
import { HttpServerRequest } from "effect/http"
import { Gate } from "../access/Gate.ts"
import { type Act, deletionBy, type Operation, selfOf } from "../access/Policy.ts"
import { CurrentCaller } from "../api/Authorization.ts"
import { forbidden, tooManyRequests, userSuspended } from "../api/ProblemOf.ts"
import { ValidationFailed } from "../api/Problems.ts"
import { type Caller, RateLimited } from "../domain/Caller.ts"
import type { UserId } from "../domain/User.ts"
import { Answers } from "./Answers.ts"
import { NOBODY } from "./MissingAddress.ts"

/** The gate for handlers: checks the caller of the request, and fails with the problem to answer. */
export const make = Effect.map(Effect.all([Gate, Answers]), ([gate, answers]) => ({
  permit: (operation: Operation) =>
    Effect.flatMap(CurrentCaller, (caller) => permitted(gate, caller, operation)),

  /** Permits an act of a user, and takes it from that user's rate for acts of its kind. */
  permitAct: (act: Act) =>
    Effect.flatMap(CurrentCaller, (caller) => withProblems(gate.permitAct(caller, act))),

  /** Takes the extra cost of an act from its rate, by the number of inboxes that got its event. */
  chargeAct: (act: Act, inboxes: number) =>
    Effect.flatMap(CurrentCaller, (caller) => gate.chargeActs(caller, act, [inboxes])),

  /** Permits marking as read, and takes it from the rate of the user's actions, like the `read` frame. */
  permitAction: (user: UserId) =>
    Effect.flatMap(CurrentCaller, (caller) => withProblems(gate.permitAction(caller, user))),

  /**
   * The user for whom a call acts: the one that it names, else the token's own. Without both the call is refused, by the name of
   * the missing field. `permit` then decides whether the caller may act for that user.
   */
  actingUser: (
    given: UserId | undefined,
    place: "query" | "payload",
    field = "user_id"
  ): Effect.Effect<UserId, ValidationFailed, CurrentCaller> =>
    Effect.flatMap(CurrentCaller, (caller) => {
      const userId = given ?? selfOf(caller)
      return userId === undefined ? Effect.fail(invalidField([place, field], NOBODY)) : Effect.succeed(userId)
    }),

  /** Permits the deletion of a message, for the user that the call names or by the application's backend. Answers which it is. */
  permitDeletion: Effect.fnUntraced(function* (named: UserId | undefined) {
    const caller = yield* CurrentCaller
    const deletion = deletionBy(caller, named)
    if (deletion === undefined) return yield* Effect.fail(invalidField(["query", "user_id"], NOBODY))
    yield* permitted(gate, caller, deletion)
    return deletion
  }),

  /** Permits a search as a user, and takes it from the rates of searches. */
  permitSearch: (user: UserId) =>
    Effect.flatMap(Effect.all([CurrentCaller, HttpServerRequest.HttpServerRequest]), ([caller, request]) =>
      Effect.catchTags(gate.permitSearch(caller, request, user), {
        Forbidden: forbidden,
        Suspended: userSuspended,
        RateLimited: tooManyRequests
      })
    ),

  /**
   * Takes a read of so many rows, skipped ones too, from the rates of its caller. An effect that counts the rows runs only when the
   * caller has a limit.
   */
  permitRows: <E = never>(rows: number | Effect.Effect<number, E>) =>
    Effect.flatMap(CurrentCaller, (caller) =>
      Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) =>
        Effect.mapError(
          gate.permitRows(caller, request, typeof rows === "number" ? Effect.succeed(rows) : rows),
          (error) => (error instanceof RateLimited ? tooManyRequests(error) : error)
        )
      )
    ),

  /** Waits until the user and the node have room for a page of so many rows of about so many bytes: see `Answers.reserve`. */
  reserve: (
    rows: number,
    rowBytes: number
  ): Effect.Effect<void, never, CurrentCaller | HttpServerRequest.HttpServerRequest> =>
    Effect.flatMap(CurrentCaller, (caller) => {
      const userId = selfOf(caller)
      return answers.reserve(rows * rowBytes, userId && `user ${userId}`)
    })
}))

/** The 422 for one field that the schemas cannot check. */
export const invalidField = (path: ReadonlyArray<string>, message: string) =>
  ValidationFailed.of([{ path, message }])

const permitted = (gate: Gate["Service"], caller: Caller, operation: Operation) =>
  Effect.catchTags(gate.permit(caller, operation), { Forbidden: forbidden, Suspended: userSuspended })

/** Turns the refusals of the gate into problems. */
const withProblems = (permitted: ReturnType<Gate["Service"]["permitAct"]>) =>
  Effect.catchTags(permitted, {
    Forbidden: forbidden,
    Suspended: userSuspended,
    RateLimited: tooManyRequests
  })
