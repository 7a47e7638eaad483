import { Context, Effect, Layer } from "effect"

/**
 * Two leaks of requests and sockets, and what stops each. The figures are in bench/README.md, "What made most of it".
 *
 * Services: layers are built in a context that holds every service of the server. A fiber that inherits this context
 * copies it for each service that a request adds, and a socket keeps its copy until it closes. `withoutServices` builds
 * what serves requests in a context without them: part of the step from 22.5 to 10.9 KiB of heap for an idle socket.
 * A request makes three such copies without `groupWithoutServices`.
 *
 * Results: a request's fiber ends with its response, and the server keeps its fibers in a Map, whose former tables hold
 * their entries until a full collection. `discardResult` makes the fibers end with nothing: part of the step from 750 to
 * 90 ms of garbage collection in 6 s of reads of the recent list.
 */

/** The key of a service or of a reference. */
type Tag = Context.Key<unknown, unknown>

/** The services that routes take when they are built: no request looks them up. */
const TakenByRoutes = Context.Reference<ReadonlyArray<Tag>>("minichat/RequestContext/TakenByRoutes", {
  defaultValue: () => []
})

/** `unknown` when `Listed` has all services, which any argument satisfies; else a type that no argument has. */
type AllOf<Services, Listed> = [Exclude<Services, Listed>] extends [never]
  ? unknown
  : { readonly missing: Exclude<Services, Listed> }

/** Provides the tags to `withoutServices`. A service of `Services` without its tag fails to compile. */
export const takenByRoutes =
  <Services>() =>
  <Tags extends ReadonlyArray<Tag>>(tags: Tags & AllOf<Services, Tags[number]["Identifier"]>) =>
    Layer.succeed(TakenByRoutes, tags)

/** Runs an effect, and the fibers that it starts, in a context without the services of `takenByRoutes`. */
export const withoutServices = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(TakenByRoutes, (tags) =>
    Effect.updateContext(effect, (context: Context.Context<R>) => {
      const rest = new Map(context.mapUnsafe)
      for (const { key } of [TakenByRoutes, ...tags]) rest.delete(key)
      return Context.makeUnsafe<R>(rest)
    })
  )

/** The services that a group of handlers is built with. */
const GroupServices = Context.Reference<Context.Context<unknown>>("minichat/RequestContext/GroupServices", {
  defaultValue: () => Context.makeUnsafe<unknown>(new Map())
})

/**
 * The layer of a group of handlers, whose requests run in a context without the services of `takenByRoutes`. `HttpApiBuilder.group`
 * keeps the context that it is built in, and merges it into that of each request. The handlers are built by `withServices`.
 */
export const groupWithoutServices = <A, E, R>(group: Layer.Layer<A, E, R>): Layer.Layer<A, E, R> =>
  Layer.effectContext(
    Effect.flatMap(Effect.context<R>(), (services) =>
      Effect.provideService(withoutServices(Layer.build(group)), GroupServices, services)
    )
  )

/** Builds the handlers of a group in the context that `groupWithoutServices` was given. */
export const withServices = <A, E, R>(handlers: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(GroupServices, (services) =>
    Effect.updateContext(handlers, (context: Context.Context<R>) => Context.merge(services, context))
  )

/**
 * The middleware to serve an app with. With a middleware, `NodeHttpServer` discards each fiber's result; without one it
 * retains every response until a full collection.
 */
export const discardResult = <App>(app: App): App => app
