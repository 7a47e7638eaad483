import { Context } from "effect"
import { HttpApiMiddleware, HttpApiSecurity, OpenApi } from "effect/http-api"
import type { Caller } from "../domain/Caller.ts"
import { Forbidden, ServiceUnavailable, TooManyRequests, Unauthorized, UserSuspended } from "./Problems.ts"

/** Who makes the request: a user, the application, or anyone on a server without authentication. */
export class CurrentCaller extends Context.Service<CurrentCaller, Caller>()("minichat/api/CurrentCaller") {}

const bearer = HttpApiSecurity.bearer.pipe(
  HttpApiSecurity.annotateMerge(
    OpenApi.annotations({
      format: "JWT",
      description:
        "A JWT whose `sub` is the user's id, or one with `scope` `service`. With JWT_SUBJECT=external `sub` is the user's external id; " +
        "JWT_USER_CLAIM names another claim in place of `sub`. Needed when the server runs with AUTH=required"
    })
  )
)

/** Checks the bearer token with `AUTH=required`, and provides the caller to the handler. `http/Authorization.ts` implements it. */
export class Authorization extends HttpApiMiddleware.Service<Authorization, { provides: CurrentCaller }>()(
  "minichat/api/Authorization",
  {
    security: { bearer },
    error: [Unauthorized, Forbidden, UserSuspended, TooManyRequests, ServiceUnavailable]
  }
) {}
