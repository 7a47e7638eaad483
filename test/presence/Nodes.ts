import { Effect, Layer, Option, Redacted, References } from "effect"
import { Redis as IORedis } from "ioredis"
import type { Settings } from "../../src/AppConfig.ts"
import { Epoch } from "../../src/Epoch.ts"
import { NodeId } from "../../src/presence/NodeId.ts"
import { Redis } from "../../src/redis/Redis.ts"
import { freshRedis, redisUrl, settings } from "../support/Services.ts"
import { tcpProxy } from "../support/TcpProxy.ts"

const quiet = Layer.succeed(References.MinimumLogLevel, "None")

/** The id and the connections of one node; each build is a node of its own. */
export const redisOn = (overrides: Partial<Settings>) =>
  Layer.fresh(
    Layer.mergeAll(
      NodeId.layer,
      Epoch.layerMemory,
      Redis.layer.pipe(Layer.provide(settings(overrides)), Layer.provide(quiet))
    )
  )

/** A node alone under a key prefix of its own; only where `redisUrl` is set. */
export const freshRedisNode = Layer.unwrap(Effect.map(freshRedis, redisOn))

/** The settings of a node that reaches Redis through a proxy, and the proxy. */
export const proxied = Effect.fnUntraced(function* (overrides: Partial<Settings>) {
  const proxy = yield* tcpProxy(new URL(redisUrl!))
  return {
    proxy,
    settings: {
      ...overrides,
      redisUrl: Option.some(Redacted.make(proxy.url.href))
    } satisfies Partial<Settings>
  }
})

/** A client of the test's own, to look at keys and to change them. */
export const redisClient = Effect.acquireRelease(
  Effect.sync(() => new IORedis(redisUrl!)),
  (client) => Effect.sync(() => client.disconnect())
)
