import { Context, Duration, Effect, Layer, Schedule, Schema } from "effect"
import { RateLimiter } from "effect/persistence"
import { AppConfig, type Settings } from "../AppConfig.ts"
import type { UserId } from "../domain/User.ts"
import { LimiterStore } from "../redis/LimiterStore.ts"
import { clientNetwork } from "./ClientAddress.ts"

/** Too many of something; the bucket has a token again after `retryAfter`. */
export class RateLimited extends Schema.TaggedError<RateLimited>()("RateLimited", {
  retryAfter: Schema.DurationFromMillis
}) {}

/**
 * Token buckets, shared by all nodes: sends by user, requests by address. While Redis is away each node counts
 * for itself.
 */
export class RateLimits extends Context.Service<
  RateLimits,
  {
    /** Takes one send from a user's bucket. */
    send(userId: UserId): Effect.Effect<void, RateLimited>
    /** Takes one request from the bucket of an address; in IPv6, of its /64 network. */
    request(address: string): Effect.Effect<void, RateLimited>
  }
>()("minichat/chat/RateLimits") {
  static readonly layerOff = Layer.succeed(RateLimits, {
    send: () => Effect.void,
    request: () => Effect.void
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
      const redis = yield* RateLimiter.makeStoreRedis({ prefix: `${config.redisPrefix}rate:` }).pipe(
        Effect.flatMap((store) =>
          Effect.provideService(RateLimiter.make, RateLimiter.RateLimiterStore, store)
        )
      )
      return limits(config, (options) =>
        redis.consume(options).pipe(
          Effect.catchIf(
            (error) => error.reason._tag === "RateLimitStoreError",
            () => memory(options)
          )
        )
      )
    })
  ).pipe(Layer.provide(LimiterStore.layer))

  /** Shared by all nodes, if limits are on: when authentication is, unless `RATE_LIMITS` says otherwise. */
  static readonly layer = ifOn(() => RateLimits.layerShared)

  /** `layer` for a node that is alone. */
  static readonly layerInProcess = ifOn(() => RateLimits.layerMemory)
}

/** Evaluated when the class is there. */
function ifOn<E, R>(limits: () => Layer.Layer<RateLimits, E, R>) {
  return Layer.unwrap(
    Effect.map(AppConfig, (settings) => (limitsAreOn(settings) ? limits() : RateLimits.layerOff))
  )
}

/** Whether anything is limited at all. */
export const limitsAreOn = ({ rateLimits, auth }: Pick<Settings, "rateLimits" | "auth">): boolean =>
  rateLimits === "on" || (rateLimits === "auto" && auth === "required")

type Consume = RateLimiter.RateLimiter["consume"]

/** How long a bucket in memory is kept. Dropping it early gives its owner a full one, no more than once each time. */
const FORGET = Duration.minutes(10)

/** Buckets in this process's memory. They are dropped all at once now and then: an address a bucket would pile up. */
const memoryLimiter = Effect.gen(function* () {
  const fresh = Effect.provide(RateLimiter.make, Layer.fresh(RateLimiter.layerStoreMemory))
  let limiter = yield* fresh
  yield* Effect.forkScoped(
    Effect.repeat(
      Effect.delay(
        Effect.map(fresh, (next) => {
          limiter = next
        }),
        FORGET
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
    requestsPerSecond
  }: { readonly sendsPerSecond: number; readonly sendsBurst: number; readonly requestsPerSecond: number },
  consume: Consume
) => {
  const take = (key: string, perSecond: number, burst: number) =>
    consume({
      algorithm: "token-bucket",
      key,
      limit: burst,
      window: Duration.millis((burst / perSecond) * 1000)
    }).pipe(
      Effect.asVoid,
      Effect.catch(({ reason }) =>
        reason._tag === "RateLimitExceeded"
          ? Effect.fail(new RateLimited({ retryAfter: reason.retryAfter }))
          : Effect.void
      )
    )
  return RateLimits.of({
    send: (userId) => take(`send:${userId}`, sendsPerSecond, sendsBurst),
    request: (address) => take(`request:${clientNetwork(address)}`, requestsPerSecond, requestsPerSecond)
  })
}
