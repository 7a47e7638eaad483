import { Context, Duration, Effect, Layer, Schedule } from "effect"
import { RateLimiter } from "effect/persistence"
import { AppConfig, type Settings } from "../AppConfig.ts"
import { RateLimited } from "../domain/Caller.ts"
import type { UserId } from "../domain/User.ts"
import { Epoch } from "../Epoch.ts"
import { LimiterStore } from "../redis/LimiterStore.ts"
import { clientNetwork } from "./ClientAddress.ts"

/**
 * Token buckets, shared by all nodes: acts, searches and costly reads by user, requests by address. While Redis is unavailable,
 * each node has buckets of its own.
 */
export class RateLimits extends Context.Service<
  RateLimits,
  {
    /** Takes one send from a user's bucket. */
    send(userId: UserId): Effect.Effect<void, RateLimited>
    /**
     * Takes more acts from one of a user's buckets, once the cost of an act is known. A bucket that does not hold them is in debt,
     * and refuses acts until it has refilled.
     */
    charge(rate: ActRate, userId: UserId, acts: number): Effect.Effect<void>
    /** Takes one action that is no send, such as marking as read, from another bucket of the user, of the same size. */
    act(userId: UserId): Effect.Effect<void, RateLimited>
    /** Takes one search from a user's bucket. */
    search(userId: UserId): Effect.Effect<void, RateLimited>
    /** Takes the making of one group from a user's bucket. */
    group(userId: UserId): Effect.Effect<void, RateLimited>
    /** Takes one change of a reaction from a user's bucket. */
    react(userId: UserId): Effect.Effect<void, RateLimited>
    /** Takes one `typing` frame from a user's bucket. */
    type(userId: UserId): Effect.Effect<void, RateLimited>
    /** Takes a request from the bucket of an address, in IPv6 of its /64 network. `cost`: as how many requests it counts. */
    request(address: string, cost?: number): Effect.Effect<void, RateLimited>
    /** Takes the cost of a read from a user's bucket. `cost`: as how many requests it counts. */
    rows(userId: UserId, cost: number): Effect.Effect<void, RateLimited>
  }
>()("minichat/access/RateLimits") {
  static readonly layerOff = Layer.succeed(RateLimits, {
    send: () => Effect.void,
    charge: () => Effect.void,
    act: () => Effect.void,
    search: () => Effect.void,
    group: () => Effect.void,
    react: () => Effect.void,
    type: () => Effect.void,
    request: () => Effect.void,
    rows: () => Effect.void
  })

  static readonly layerMemory = Layer.effect(
    RateLimits,
    Effect.gen(function* () {
      const config = yield* AppConfig
      return limits(config, yield* memoryLimiter)
    })
  )

  static readonly layerShared = Layer.effect(
    RateLimits,
    Effect.gen(function* () {
      const config = yield* AppConfig
      const memory = yield* memoryLimiter
      const epoch = yield* Epoch
      const redis = yield* RateLimiter.makeStoreRedis({ prefix: `${config.redisPrefix}rate:` }).pipe(
        Effect.flatMap((store) =>
          Effect.provideService(RateLimiter.make, RateLimiter.RateLimiterStore, store)
        )
      )
      return limits(config, (options) =>
        redis.consume({ ...options, key: `${epoch.current()}:${options.key}` }).pipe(
          Effect.catchIf(
            (error) => error.reason._tag === "RateLimitStoreError",
            () => memory(options)
          )
        )
      )
    })
  ).pipe(Layer.provide(LimiterStore.layer))

  /** Shared by all nodes, or off; see `limitsAreOn`. */
  static readonly layer = ifOn(() => RateLimits.layerShared)

  /** `layer` for a node without Redis. */
  static readonly layerInProcess = ifOn(() => RateLimits.layerMemory)
}

/** The rates of users' acts. */
export type ActRate = "send" | "act" | "group" | "react" | "type"

/** Takes a function: the static `layerShared` does not exist yet when this is called. */
function ifOn<E, R>(limits: () => Layer.Layer<RateLimits, E, R>) {
  return Layer.unwrap(
    Effect.map(AppConfig, (settings) => (limitsAreOn(settings) ? limits() : RateLimits.layerOff))
  )
}

/** Whether anything is limited: yes with authentication and no without, unless `RATE_LIMITS` says otherwise. */
export const limitsAreOn = ({ rateLimits, auth }: Pick<Settings, "rateLimits" | "auth">): boolean =>
  rateLimits === "on" || (rateLimits === "auto" && auth === "required")

type Consume = RateLimiter.RateLimiter["consume"]

/** How long buckets in memory are kept. A bucket that is dropped is full when it is next used, so it gives one burst more. */
const KEEP_BUCKETS = Duration.minutes(10)

/** Buckets in this process's memory. All are dropped every `KEEP_BUCKETS`, as each new address adds one. */
const memoryLimiter = Effect.gen(function* () {
  const fresh = Effect.provide(RateLimiter.make, Layer.fresh(RateLimiter.layerStoreMemory))
  let limiter = yield* fresh
  yield* Effect.forkScoped(
    Effect.repeat(
      Effect.delay(
        Effect.map(fresh, (next) => {
          limiter = next
        }),
        KEEP_BUCKETS
      ),
      Schedule.forever
    )
  )
  const consume: Consume = (options) => limiter.consume(options)
  return consume
})

const limits = (
  {
    sendsPerSecond,
    sendsBurst,
    searchesPerSecond,
    searchesBurst,
    groupsPerMinute,
    groupsBurst,
    reactionsPerSecond,
    reactionsBurst,
    typingPerSecond,
    typingBurst,
    requestsPerSecond
  }: Settings,
  consume: Consume
) => {
  /** A bucket for each key: it holds `burst` tokens and gains `perSecond`. */
  const buckets =
    (name: string, perSecond: number, burst: number) =>
    (key: string | number, cost = 1, onExceeded: "fail" | "delay" = "fail") =>
      consume({
        algorithm: "token-bucket",
        onExceeded,
        key: `${name}:${key}`,
        limit: burst,
        // A cost above the size of the bucket takes half of it: otherwise the call would be refused for ever. A debt has no bound.
        tokens: onExceeded === "delay" ? cost : Math.min(cost, Math.max(1, Math.floor(burst / 2))),
        window: Duration.millis((burst / perSecond) * 1000)
      }).pipe(
        Effect.asVoid,
        Effect.catch(({ reason }) =>
          reason._tag === "RateLimitExceeded"
            ? Effect.fail(new RateLimited({ retryAfter: reason.retryAfter }))
            : Effect.void
        )
      )

  const acts = {
    send: buckets("send", sendsPerSecond, sendsBurst),
    act: buckets("act", sendsPerSecond, sendsBurst),
    group: buckets("group", groupsPerMinute / 60, groupsBurst),
    react: buckets("react", reactionsPerSecond, reactionsBurst),
    type: buckets("type", typingPerSecond, typingBurst)
  }
  const searches = buckets("search", searchesPerSecond, searchesBurst)
  const requests = buckets("request", requestsPerSecond, requestsPerSecond)
  return RateLimits.of({
    send: (userId) => acts.send(userId),
    charge: (rate, userId, count) => Effect.ignore(acts[rate](userId, count, "delay")),
    act: (userId) => acts.act(userId),
    search: (userId) => searches(userId),
    group: (userId) => acts.group(userId),
    react: (userId) => acts.react(userId),
    type: (userId) => acts.type(userId),
    request: (address, cost) => requests(clientNetwork(address), cost),
    rows: buckets("rows", requestsPerSecond, requestsPerSecond)
  })
}
