import { Context } from "effect"
import { HttpApiMiddleware, HttpApiSecurity, OpenApi } from "effect/http-api"
import type { UserId } from "../domain/User.ts"
import { Forbidden, ServiceUnavailable, TooManyRequests, Unauthorized } from "./Problems.ts"

/**
 * Who makes a call. `Anyone` is every caller of a server without authentication; a `Service` is the
 * application's own backend and acts for any user; a `Member` acts as one user.
 */
export type Caller =
  | { readonly _tag: "Anyone" }
  | { readonly _tag: "Service" }
  | { readonly _tag: "Member"; readonly userId: UserId }

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

/** Checks the bearer token where the server asks for one, and tells the handler who calls. */
export class Authorization extends HttpApiMiddleware.Service<Authorization, { provides: CurrentUser }>()(
  "minichat/api/Authorization",
  { security: { bearer }, error: [Unauthorized, Forbidden, TooManyRequests, ServiceUnavailable] }
) {}
