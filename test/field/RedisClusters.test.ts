import { describe, it } from "@effect/vitest"
import { Effect, Option, Redacted } from "effect"
import { freePort } from "../faults/support/Ports.ts"
import { freshCluster, proxiedCluster } from "../support/RedisClusterServers.ts"
import { delivers, redisNode } from "./support/RedisNode.ts"

const urlOf = ({ settings }: Pick<Effect.Success<typeof freshCluster>, "settings">) =>
  Redacted.value(Option.getOrThrow(settings.redisUrl))

describe("a Redis Cluster", () => {
  for (const stalled of [[0], [0, 1, 2]]) {
    it.live(
      `whose connections to ${stalled.length} of 3 servers stall, while new ones work, delivers again`,
      () =>
        Effect.gen(function* () {
          const cluster = yield* proxiedCluster
          const [one, two] = [
            yield* redisNode(urlOf(cluster), { redisCluster: true }),
            yield* redisNode(urlOf(cluster), { redisCluster: true })
          ]
          yield* one.isUp
          yield* two.isUp
          yield* delivers(one, two)

          for (const i of stalled) yield* cluster.proxies[i]!.stall("all")
          yield* one.isUnavailable
          yield* two.isUnavailable

          yield* one.isUp
          yield* two.isUp
          yield* delivers(one, two)
          yield* delivers(two, one)
        })
    )
  }

  it.live("is found by any of several seed nodes", () =>
    Effect.gen(function* () {
      const { ports } = yield* freshCluster
      const nobody = yield* freePort
      const node = yield* redisNode(`redis://127.0.0.1:${nobody},127.0.0.1:${ports[1]},127.0.0.1:${ports[2]}`)

      yield* node.isUp
      yield* delivers(node, node)
    })
  )

  it.live("whose user has no right to channels is unavailable, says so, and heals", () =>
    Effect.gen(function* () {
      const { command, settings } = yield* freshCluster
      const url = new URL(urlOf({ settings }))
      yield* command("ACL", "SETUSER", "chat", "on", ">s3cret", "allkeys", "resetchannels", "+@all")
      url.username = "chat"
      url.password = "s3cret"
      const node = yield* redisNode(url.href, { redisCluster: true })
      yield* node.logged(/\(REDIS_URL\): NOPERM .* channels/)

      yield* command("ACL", "SETUSER", "chat", "allchannels")

      yield* node.isUp
      yield* delivers(node, node)
    })
  )
})
