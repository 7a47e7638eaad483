import { Duration, Effect, Result, Schema } from "effect"
import { HttpRouter, HttpServerRequest, type HttpServerRespondable } from "effect/http"
import { AppConfig } from "../AppConfig.ts"
import { clientAddress } from "../access/ClientAddress.ts"
import { isAllowedOrigin } from "../access/Origins.ts"
import { allows } from "../access/Policy.ts"
import { RateLimits } from "../access/RateLimits.ts"
import { type Credential, Tokens } from "../access/Tokens.ts"
import { SeqParam, UserIdParam } from "../api/Parameters.ts"
import * as Problems from "../api/Problems.ts"
import type { UserId } from "../domain/User.ts"
import { Lifecycle } from "../Lifecycle.ts"
import { isWebSocket } from "./Upgrades.ts"

/** Who wants which socket. */
export interface Handshake extends Credential {
  readonly userId: UserId
  /** The last event that the client has; none to start live. */
  readonly since: number | undefined
}

/** Any problem that an HTTP answer can carry. */
export type Refusal = HttpServerRespondable.Respondable

/**
 * Checks a handshake before anything is upgraded: what is refused here is refused by an HTTP status, and costs
 * no socket.
 */
export const make = Effect.gen(function* () {
  const config = yield* AppConfig
  const tokens = yield* Tokens
  const rateLimits = yield* RateLimits
  const lifecycle = yield* Lifecycle
  const isAllowed = isAllowedOrigin(config)
  const addressOf = clientAddress(config.trustedProxies)

  return Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest) {
    const { upgrade, origin } = request.headers
    if (!isWebSocket(upgrade)) return yield* refuse(noHandshake)
    if (lifecycle.isDraining()) {
      return yield* refuse(
        new Problems.ServiceUnavailable({ detail: "The server is restarting, connect again" })
      )
    }
    if (origin !== undefined && !isAllowed(origin)) {
      return yield* refuse(
        new Problems.Forbidden({ detail: `Pages of ${origin} may not connect (CORS_ORIGINS)` })
      )
    }

    const { user_id } = yield* HttpRouter.params
    const { since } = yield* HttpServerRequest.ParsedSearchParams
    const userId = decodeUserId(user_id)
    const from = since === undefined ? Result.succeed(undefined) : decodeSeq(since)
    if (Result.isFailure(userId))
      return yield* invalid(["params", "user_id"], "must be a whole number of at least 1")
    if (Result.isFailure(from))
      return yield* invalid(["query", "since"], "must be a whole number of at least 0")

    const verified = yield* Effect.result(tokens.verify(tokenOf(request)))
    if (Result.isFailure(verified) || verified.success.caller._tag !== "Service") {
      yield* Effect.catch(rateLimits.request(addressOf(request)), ({ retryAfter }) =>
        refuse(
          new Problems.TooManyRequests({
            detail: "Too many requests, try again later",
            retry_after_ms: Math.ceil(Duration.toMillis(retryAfter))
          })
        )
      )
    }
    if (Result.isFailure(verified)) {
      const { _tag, message } = verified.failure
      return yield* refuse(
        _tag === "InvalidToken"
          ? new Problems.Unauthorized({ detail: message })
          : new Problems.ServiceUnavailable({ detail: `${message}, connect again` })
      )
    }
    if (!allows(verified.success.caller, { _tag: "OpenSocket", of: userId.success })) {
      return yield* refuse(new Problems.Forbidden({ detail: "The token does not allow this for that user" }))
    }
    return { ...verified.success, userId: userId.success, since: from.success } satisfies Handshake
  })
})

const decodeUserId = Schema.decodeUnknownResult(UserIdParam)

const decodeSeq = Schema.decodeUnknownResult(SeqParam)

/** For what is no handshake, or not all of one. */
export const noHandshake = new Problems.UpgradeRequired({
  detail: "This is a WebSocket: connect with a WebSocket client"
})

const refuse = (problem: Refusal) => Effect.fail(problem)

const invalid = (path: readonly [string, string], message: string) =>
  refuse(new Problems.ValidationFailed({ detail: `${path[1]}: ${message}`, errors: [{ path, message }] }))

const BEARER = /^bearer +(\S+)$/i

const BEARER_PROTOCOL = /(?:^|,)\s*bearer\.([\w.-]+)\s*(?:,|$)/

/** A browser cannot set headers on a handshake: there the token comes as one of the subprotocols on offer. */
const tokenOf = ({ headers }: HttpServerRequest.HttpServerRequest) =>
  BEARER.exec(headers.authorization ?? "")?.[1] ??
  BEARER_PROTOCOL.exec(headers["sec-websocket-protocol"] ?? "")?.[1]
