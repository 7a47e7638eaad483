import { Effect, Result, Schema } from "effect"
import { HttpRouter, HttpServerRequest, type HttpServerRespondable } from "effect/http"
import { AppConfig } from "../AppConfig.ts"
import { bearerOf } from "../access/BearerToken.ts"
import { Gate } from "../access/Gate.ts"
import { isAllowedOrigin } from "../access/Origins.ts"
import { EpochParam, SeqParam, UserIdParam } from "../api/Parameters.ts"
import {
  forbidden,
  socketUnavailable,
  tooManyRequests,
  unauthorized,
  userSuspended
} from "../api/ProblemOf.ts"
import * as Problems from "../api/Problems.ts"
import type { Credential } from "../domain/Caller.ts"
import type { UserId } from "../domain/User.ts"
import { Lifecycle } from "../Lifecycle.ts"
import { warnOnce } from "../observability/Once.ts"
import { isWebSocket } from "./Upgrades.ts"

/** What a client asks for, and its credential. */
export interface Handshake {
  readonly credential: Credential
  /** The user whose socket it will be. */
  readonly userId: UserId
  /** The last event that the client has; none to start live. */
  readonly since: number | undefined
  /** The history of the database that `since` belongs to; none when the client does not say. */
  readonly epoch: string | undefined
}

/** A problem to answer a handshake with. */
export type Refusal = HttpServerRespondable.Respondable

/** Checks a handshake before the connection is upgraded. A refusal is an HTTP response. */
export const make = Effect.gen(function* () {
  const config = yield* AppConfig
  const gate = yield* Gate
  const lifecycle = yield* Lifecycle
  const isAllowed = isAllowedOrigin(config)
  const warn = warnOnce()

  return Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest) {
    const { upgrade, origin, authorization } = request.headers
    if (!isWebSocket(upgrade)) {
      if (request.headers["sec-websocket-key"] !== undefined) {
        yield* warn(
          "A handshake of a WebSocket came without its Upgrade header and is answered 426: a proxy dropped the header. docs/BALANCERS.md has what nginx needs"
        )
      }
      return yield* refuse(noHandshake)
    }
    if (lifecycle.isDraining()) {
      return yield* refuse(
        new Problems.ServiceUnavailable({ detail: "The server is restarting, connect again" })
      )
    }
    if (
      origin !== undefined &&
      !isAllowed(origin) &&
      // No page can set this header of a handshake: who sends a valid token there may be a client that is no browser.
      !(config.auth === "required" && bearerOf(authorization))
    ) {
      return yield* refuse(
        new Problems.Forbidden({ detail: `Pages of ${origin} may not connect (CORS_ORIGINS)` })
      )
    }

    const { user_id } = yield* HttpRouter.params
    const { since, epoch } = yield* HttpServerRequest.ParsedSearchParams
    const userId = decodeUser(user_id)
    const history = epoch === undefined ? Result.succeed(undefined) : decodeEpoch(epoch)
    const from = since === undefined ? Result.succeed(undefined) : decodeSeq(since)
    if (Result.isFailure(userId))
      return yield* invalid(["params", "user_id"], "must be a whole number of at least 1, or me")
    if (Result.isFailure(from))
      return yield* invalid(["query", "since"], "must be a whole number of at least 0")
    if (Result.isFailure(history))
      return yield* invalid(["query", "epoch"], "must be the epoch that the server sent")

    const admitted = yield* gate.admitSocket(tokenOf(request), request, userId.success).pipe(
      Effect.catchTags({
        RateLimited: tooManyRequests,
        InvalidToken: unauthorized,
        Unavailable: socketUnavailable,
        Forbidden: forbidden,
        Suspended: userSuspended
      })
    )
    return {
      ...admitted,
      since: from.success,
      epoch: history.success
    } satisfies Handshake
  })
})

/** The user in the path: an id, or `me` for the user of the token. */
const decodeUser = Schema.decodeUnknownResult(Schema.Union([Schema.Literal("me"), UserIdParam]))

const decodeEpoch = Schema.decodeUnknownResult(EpochParam)

const decodeSeq = Schema.decodeUnknownResult(SeqParam)

/** For a request that is not a WebSocket handshake, or not a complete one. */
export const noHandshake = new Problems.UpgradeRequired()

const refuse = (problem: Refusal) => Effect.fail(problem)

const invalid = (path: readonly [string, string], message: string) =>
  refuse(Problems.ValidationFailed.of([{ path, message }]))

const BEARER_PROTOCOL = /(?:^|,)\s*bearer\.([\w.-]+)\s*(?:,|$)/

/** The token of a handshake. A browser cannot set headers there, and offers the token as a subprotocol instead. */
const tokenOf = ({ headers }: HttpServerRequest.HttpServerRequest) =>
  bearerOf(headers.authorization) ?? BEARER_PROTOCOL.exec(headers["sec-websocket-protocol"] ?? "")?.[1]
