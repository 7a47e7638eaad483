import { Context, Effect } from "effect"

/** What routes take when they are built, and requests never ask for: the services of this server and of its platform. */
const SERVICES =
  /^minichat\/|^effect\/(FileSystem|Path|Terminal|process|http\/(HttpRouter|HttpPlatform|Etag))|^~effect\/Stdio/

/**
 * Leaves out of an effect's context what only building needed, so that what it keeps for each request is small:
 * each request copies its context more than once, and each socket keeps the copies for as long as it lives.
 */
export const withoutServices = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.updateContext(effect, (context: Context.Context<R>) =>
    Context.makeUnsafe<R>(new Map([...context.mapUnsafe].filter(([key]) => !SERVICES.test(key))))
  )

/**
 * A middleware for a server to end with: with any, a request's fiber ends with nothing instead of its response. The
 * server has its fibers in a Map, and the former tables of a Map keep what was in them until a full garbage collection.
 */
export const withoutResult = <App>(answered: App): App => answered
