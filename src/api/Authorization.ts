import { Context } from "effect"
import { HttpApiMiddleware } from "effect/http-api"
import type { Caller } from "../domain/Caller.ts"
import { Forbidden, ServiceUnavailable, TooManyRequests, Unauthorized, UserSuspended } from "./Problems.ts"

/** Who makes the request: a user, the application, or anyone on a server without authentication. */
export class CurrentCaller extends Context.Service<CurrentCaller, Caller>()("minichat/api/CurrentCaller") {}

/**
 * Checks the bearer token with `AUTH=required`, and provides the caller to the handler. `http/Authorization.ts` implements it.
 *
 * It declares no security scheme: for one, `HttpApiBuilder` makes an object that hides the token and runs a generator, for each request,
 * also where no token is needed (bench/README.md, "What comments quote"). `openapi/Document.ts` adds the scheme to the documentation of
 * every operation that this middleware checks, which it knows by the answer 401.
 */
export class Authorization extends HttpApiMiddleware.Service<Authorization, { provides: CurrentCaller }>()(
  "minichat/api/Authorization",
  { error: [Unauthorized, Forbidden, UserSuspended, TooManyRequests, ServiceUnavailable] }
) {}
