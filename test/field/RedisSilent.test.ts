import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { tcpProxy } from "../support/TcpProxy.ts"
import { delivers, redisNode } from "./support/RedisNode.ts"
import { startRedis } from "./support/RedisServers.ts"

describe("Redis connections that carry nothing any more, while new ones work", () => {
  // A node opens one for commands, and then one for subscriptions.
  for (const [which, name] of [
    ["all", "all"],
    [0, "one"],
    [1, "the other"]
  ] as const) {
    it.live(`a node whose connections stall (${name}) delivers again`, () =>
      Effect.gen(function* () {
        const server = yield* startRedis()
        const proxy = yield* tcpProxy(server.url)
        const near = yield* redisNode(proxy.url.href)
        const far = yield* redisNode(server.url.href)
        yield* near.isUp

        yield* proxy.stall(which)
        yield* near.isUnavailable

        yield* near.isUp
        assert.strictEqual(proxy.connections(), which === "all" ? 4 : 3, "only what stalled is opened anew")
        yield* delivers(near, far)
        yield* delivers(far, near)
      })
    )
  }

  it.live("a node whose connection stalls in its handshake delivers", () =>
    Effect.gen(function* () {
      const server = yield* startRedis()
      const proxy = yield* tcpProxy(server.url)
      yield* proxy.hold("everything")
      const near = yield* redisNode(proxy.url.href)
      yield* near.isUnavailable

      yield* proxy.carryNewOnes

      yield* near.isUp
      yield* delivers(near, near)
    })
  )

  it.live("a node whose connections lead to different servers delivers once they lead to one", () =>
    Effect.gen(function* () {
      const [first, second] = [yield* startRedis(), yield* startRedis()]
      const target = new URL(first.url)
      const proxy = yield* tcpProxy(target)
      const near = yield* redisNode(proxy.url.href)
      yield* near.isUp
      target.port = second.url.port

      yield* proxy.destroy(1)
      yield* near.isUnavailable

      yield* near.isUp
      yield* delivers(near, near)
    })
  )
})
