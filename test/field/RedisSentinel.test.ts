import { join } from "node:path"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { until } from "../support/Until.ts"
import { delivers, redisNode } from "./support/RedisNode.ts"
import { startRedis, startSentinel } from "./support/RedisServers.ts"

/** A primary with a replica, a sentinel, and a URL whose first sentinel does not exist. */
const sentinelSetup = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const directory = yield* fs.makeTempDirectoryScoped({ prefix: "minichat-sentinel-" })
  const gone = yield* startRedis()
  yield* gone.kill
  const password = ["--requirepass", "s3cret:/@", "--masterauth", "s3cret:/@"]
  const primary = yield* startRedis(...password)
  const replica = yield* startRedis(...password, "--replicaof", "127.0.0.1", String(primary.port))
  const sentinel = yield* startSentinel(primary.port, join(directory, "sentinel.conf"), "s3cret:/@")
  const hosts = `127.0.0.1:${gone.port},127.0.0.1:${sentinel.port}`
  return {
    primary,
    replica,
    sentinel,
    urlOf: (name: string) => `redis+sentinel://:${encodeURIComponent("s3cret:/@")}@${hosts}/${name}/3`
  }
}).pipe(Effect.provide(NodeFileSystem.layer))

const dbOf = (node: Effect.Success<ReturnType<typeof redisNode>>) =>
  Effect.map(
    node.redis.run((commands) => commands.client("INFO")),
    (info) => /\bdb=(\d+)/.exec(String(info))![1]
  )

describe("Redis behind sentinels", () => {
  it.live("nodes follow a failover after the primary was killed", () =>
    Effect.gen(function* () {
      const { primary, urlOf } = yield* sentinelSetup
      const [one, two] = [yield* redisNode(urlOf("chat")), yield* redisNode(urlOf("chat"))]
      yield* one.isUp
      yield* two.isUp
      yield* delivers(one, two)
      yield* until(Effect.map(dbOf(one), (db) => db === "3"))

      yield* primary.kill
      yield* one.isUnavailable
      yield* two.isUnavailable

      yield* one.isUp
      yield* two.isUp
      yield* delivers(one, two)
      yield* delivers(two, one)
    })
  )

  it.live("nodes follow a failover after the primary stopped answering", () =>
    Effect.gen(function* () {
      const { primary, urlOf } = yield* sentinelSetup
      const node = yield* redisNode(urlOf("chat"))
      yield* node.isUp

      yield* primary.freeze
      yield* node.isUnavailable

      yield* node.isUp
      yield* delivers(node, node)
    })
  )

  it.live("nodes follow a failover that somebody orders", () =>
    Effect.gen(function* () {
      const { sentinel, replica, urlOf } = yield* sentinelSetup
      const node = yield* redisNode(urlOf("chat"))
      yield* node.isUp

      // Until the sentinel has asked the replica, it refuses.
      const ordered = Effect.as(sentinel.command("SENTINEL", "FAILOVER", "chat"), true)
      yield* until(Effect.catchDefect(ordered, () => Effect.succeed(false)))
      yield* until(
        Effect.map(replica.command("INFO", "replication"), (info) => String(info).includes("role:master"))
      )

      const isPrimary = Effect.map(
        node.redis.run((commands) => commands.info("replication")),
        (info) => info.includes("role:master") && info.includes("connected_slaves:1")
      )
      yield* until(Effect.orElseSucceed(isPrimary, () => false))
      yield* delivers(node, node)
    })
  )

  it.live("a name that no sentinel knows is said", () =>
    Effect.gen(function* () {
      const { urlOf } = yield* sentinelSetup
      const node = yield* redisNode(urlOf("nobody"))

      yield* node.logged(/\(REDIS_URL\): .*sentinel/)
      assert.notInclude(node.lines.join(), "s3cret")
    })
  )
})
