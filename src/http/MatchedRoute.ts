import { Context } from "effect"
import { HttpRouter } from "effect/http"

/** The route in the metrics of a request whose path matches no route. */
const UNMATCHED = "unmatched"

/** The pattern of the route that the router matched. It stays in a fiber's context after the handler has ended. */
export const routeOf = (context: Context.Context<never>): string =>
  Context.getOrUndefined(context, HttpRouter.RouteContext)?.route.path ?? UNMATCHED
