import { Context } from "effect"
import { HttpApiMiddleware, HttpApiSecurity, OpenApi } from "effect/http-api"
import type { Caller } from "../domain/Caller.ts"
import { Forbidden, ServiceUnavailable, TooManyRequests, Unauthorized, UserSuspended } from "./Problems.ts"

export class CurrentUser extends Context.Service<CurrentUser, Caller>()("minichat/api/CurrentUser") {}

const bearer = HttpApiSecurity.bearer.pipe(
  HttpApiSecurity.annotateMerge(
    OpenApi.annotations({
      format: "JWT",
      description:
        "A JWT whose `sub` is the user's id, or one with `scope` `service`. Needed when the server runs with AUTH=required"
    })
  )
)

/** Checks the bearer token where the server asks for one, and provides the caller to the handler. */
export class Authorization extends HttpApiMiddleware.Service<Authorization, { provides: CurrentUser }>()(
  "minichat/api/Authorization",
  {
    security: { bearer },
    error: [Unauthorized, Forbidden, UserSuspended, TooManyRequests, ServiceUnavailable]
  }
) {}
