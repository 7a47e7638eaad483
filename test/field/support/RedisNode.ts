import { Context, Effect, Layer, Logger, Option, Redacted } from "effect"
import type { Settings } from "../../../src/AppConfig.ts"
import { Redis } from "../../../src/redis/Redis.ts"
import { settings } from "../../support/Services.ts"
import { until } from "../../support/Until.ts"

/** A node's connections to the Redis that a URL names, and what it logs. */
export const redisNode = Effect.fnUntraced(function* (url: string, overrides: Partial<Settings> = {}) {
  const lines: Array<string> = []
  const capture = Logger.make(({ message, logLevel }) => lines.push(`${logLevel} ${message}`))
  const services = yield* Layer.build(
    Layer.fresh(Redis.layer).pipe(
      Layer.provide(settings({ ...overrides, redisUrl: Option.some(Redacted.make(url)) })),
      Layer.provide(Logger.layer([capture]))
    )
  )
  const redis = Context.get(services, Redis)
  return {
    redis,
    lines,
    warnings: () => lines.filter((line) => line.startsWith("Warn")),
    isUp: until(Effect.sync(redis.isUp)),
    isUnavailable: until(Effect.sync(() => !redis.isUp())),
    logged: (pattern: RegExp) => until(Effect.sync(() => lines.some((line) => pattern.test(line))))
  }
})

export type RedisNode = Effect.Success<ReturnType<typeof redisNode>>

/** Channels enough for each shard of a cluster to have some. */
const CHANNELS = Array.from({ length: 12 }, (_, i) => `field:${i}`)

/** Waits until what one node publishes on any channel arrives at another. */
export const delivers = Effect.fnUntraced(function* (from: RedisNode, to: RedisNode) {
  const { subscriber, sharded } = to.redis
  const missing = new Set(CHANNELS)
  const onMessage = (channel: Buffer) => missing.delete(channel.toString())
  yield* Effect.acquireRelease(
    Effect.sync(() => subscriber.on(sharded ? "smessageBuffer" : "messageBuffer", onMessage)),
    () => Effect.sync(() => subscriber.off(sharded ? "smessageBuffer" : "messageBuffer", onMessage))
  )
  const attempt = (channel: string) =>
    Effect.tryPromise(() => (sharded ? subscriber.ssubscribe(channel) : subscriber.subscribe(channel))).pipe(
      Effect.andThen(
        from.redis.run<unknown>((commands) =>
          sharded ? commands.spublish(channel, "x") : commands.publish(channel, "x")
        )
      ),
      Effect.ignore
    )
  yield* until(
    Effect.gen(function* () {
      yield* Effect.forEach([...missing], attempt, { concurrency: "unbounded", discard: true })
      return missing.size === 0
    })
  )
}, Effect.scoped)
