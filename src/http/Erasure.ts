import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import { Effect, Stream } from "effect"
import { HttpServerRequest, HttpServerResponse } from "effect/http"
import { CurrentCaller } from "../api/Authorization.ts"
import { serviceUnavailable, userNotFound } from "../api/ProblemOf.ts"
import { TooManyRequests } from "../api/Problems.ts"
import { Erasures } from "../chat/Erasures.ts"
import { Exports } from "../chat/Exports.ts"
import type { Caller } from "../domain/Caller.ts"
import { Erasure } from "../domain/Erasure.ts"
import type { UserId } from "../domain/User.ts"
import { piecesOf } from "./ExportPieces.ts"
import { json } from "./Json.ts"
import * as OwnOrders from "./OwnOrders.ts"
import * as Permit from "./Permit.ts"

const underWay = json(Erasure, { status: 202 })

const finished = HttpServerResponse.empty({ status: 204 })

/** What an export counts as in the rates of its caller, however long it is. */
const EXPORT_ROWS = 5000

/** The room that an export keeps: a page of long messages, and its bytes. */
const EXPORT_BYTES = 1024 * 1024

const nameOf = (caller: Caller) =>
  caller._tag === "Member"
    ? `user ${caller.userId}`
    : caller._tag === "Service"
      ? "a service token"
      : "a caller without a token"

interface Request {
  readonly params: { readonly user_id: UserId }
}

/** The handlers of the calls in `api/Erasure.ts`. */
export const make = Effect.gen(function* () {
  const erasures = yield* Erasures
  const exports = yield* Exports
  const disconnect = yield* OwnOrders.make
  const { permit, permitRows, reserve } = yield* Permit.make
  /** Users who are being exported by this node. */
  const exporting = new Set<UserId>()

  /** Refuses a second export of a user until the answer of the first has left, or its connection is closed. */
  const takeTurn = (userId: UserId) =>
    Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
      if (exporting.has(userId)) {
        return Effect.fail(
          new TooManyRequests({ detail: "An export of this user is under way", retry_after_ms: 1000 })
        )
      }
      const response = NodeHttpServerRequest.toServerResponse(request)
      if (response.closed) return Effect.void
      exporting.add(userId)
      response.once("close", () => exporting.delete(userId))
      return Effect.void
    })

  const erase = ({ params: { user_id } }: Request) =>
    permit({ _tag: "EraseUser", of: user_id }).pipe(
      Effect.andThen(CurrentCaller),
      Effect.flatMap((caller) => erasures.order(user_id, nameOf(caller))),
      Effect.tap(({ finished_at }) => (finished_at === null ? disconnect(user_id) : Effect.void)),
      Effect.map((erasure) => (erasure.finished_at === null ? underWay(erasure) : finished)),
      Effect.catchTags({ UserNotFound: userNotFound, Unavailable: serviceUnavailable })
    )

  const exportOf = ({ params: { user_id } }: Request) =>
    permit({ _tag: "ExportUser", of: user_id }).pipe(
      Effect.andThen(permitRows(EXPORT_ROWS)),
      Effect.andThen(exports.of(user_id)),
      Effect.tap(() => takeTurn(user_id)),
      Effect.tap(() => reserve(1, EXPORT_BYTES)),
      Effect.map((records) =>
        // Piece by piece: the next one is written when the client has taken the last one.
        HttpServerResponse.stream(records.pipe(Stream.mapArray(piecesOf), Stream.rechunk(1)), {
          contentType: "application/x-ndjson",
          headers: { "content-disposition": `attachment; filename="user-${user_id}.ndjson"` }
        })
      ),
      Effect.catchTags({ UserNotFound: userNotFound, Unavailable: serviceUnavailable })
    )

  return { erase, export: exportOf }
})
