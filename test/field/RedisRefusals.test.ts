import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { tcpProxy } from "../support/TcpProxy.ts"
import { until } from "../support/Until.ts"
import { delivers, type RedisNode, redisNode } from "./support/RedisNode.ts"
import { startRedis } from "./support/RedisServers.ts"

type Command = Effect.Success<ReturnType<typeof startRedis>>["command"]

/** Waits for the warning of a refusal, and asserts that it is one line with these words and the setting's name. */
const warnsOnce = Effect.fnUntraced(function* (node: RedisNode, words: RegExp) {
  yield* node.logged(words)
  const lines = node.warnings().filter((line) => words.test(line))
  assert.lengthOf(lines, 1)
  assert.include(lines[0], "(REDIS_URL)")
})

/** Waits until the server has refused several commands more in this way. */
const refusedAgain = Effect.fnUntraced(function* (command: Command, words: RegExp) {
  const [code] = /\w+/.exec(words.source)!
  yield* command("CONFIG", "RESETSTAT")
  const refused = Effect.map(command("INFO", "errorstats"), (info) =>
    Number(new RegExp(`errorstat_${code}:count=(\\d+)`).exec(String(info))?.[1] ?? 0)
  )
  yield* until(Effect.map(refused, (count) => count >= 3))
})

const REFUSALS: ReadonlyArray<{
  readonly name: string
  readonly onlyLater?: boolean
  readonly words: RegExp
  readonly refuse: (command: Command) => Effect.Effect<unknown>
  readonly heal: (command: Command) => Effect.Effect<unknown>
}> = [
  {
    name: "has no right to channels",
    words: /NOPERM .* channels/,
    refuse: (command) => command("ACL", "SETUSER", "chat", "resetchannels"),
    heal: (command) => command("ACL", "SETUSER", "chat", "allchannels")
  },
  {
    name: "may not write",
    words: /NOPERM .* 'set' command/,
    refuse: (command) => command("ACL", "SETUSER", "chat", "-@write"),
    heal: (command) => command("ACL", "SETUSER", "chat", "+@write")
  },
  {
    name: "may not run scripts",
    words: /NOPERM .* 'eval(sha)?' command/,
    refuse: (command) => command("ACL", "SETUSER", "chat", "-@scripting"),
    heal: (command) => command("ACL", "SETUSER", "chat", "+@scripting")
  },
  {
    name: "may only run scripts that it sends whole",
    // As it does when it starts.
    onlyLater: true,
    words: /NOPERM .* 'evalsha' command/,
    refuse: (command) => command("ACL", "SETUSER", "chat", "-evalsha"),
    heal: (command) => command("ACL", "SETUSER", "chat", "+evalsha")
  },
  {
    name: "may not use the node's keys",
    words: /NOPERM .* keys/,
    refuse: (command) => command("ACL", "SETUSER", "chat", "resetkeys"),
    heal: (command) => command("ACL", "SETUSER", "chat", "allkeys")
  },
  {
    name: "meets a server without memory",
    words: /OOM /,
    refuse: (command) =>
      Effect.andThen(
        command("CONFIG", "SET", "maxmemory-policy", "noeviction"),
        command("CONFIG", "SET", "maxmemory", 1)
      ),
    heal: (command) => command("CONFIG", "SET", "maxmemory", 0)
  },
  {
    name: "meets a read-only replica",
    words: /READONLY /,
    refuse: (command) => command("REPLICAOF", "127.0.0.1", 1),
    heal: (command) => command("REPLICAOF", "NO", "ONE")
  },
  {
    name: "meets a server that cannot save its data",
    words: /MISCONF /,
    refuse: (command) =>
      Effect.gen(function* () {
        yield* command("CONFIG", "SET", "save", "3600 1")
        yield* command("BGSAVE")
        const persistence = Effect.map(command("INFO", "persistence"), String)
        yield* until(Effect.map(persistence, (info) => info.includes("rdb_last_bgsave_status:err")))
      }),
    heal: (command) => command("CONFIG", "SET", "save", "")
  },
  {
    name: "has another password from now on",
    words: /WRONGPASS /,
    refuse: (command) =>
      Effect.andThen(
        command("ACL", "SETUSER", "chat", "resetpass", ">another"),
        command("CLIENT", "KILL", "USER", "chat")
      ),
    heal: (command) => command("ACL", "SETUSER", "chat", ">s3cret")
  }
]

/** A server with a user of the nodes' own that may do everything, and its URL for them. */
const serverWithUser = Effect.gen(function* () {
  // Where nobody can make files.
  const { command, url } = yield* startRedis("--dir", "/proc")
  yield* command("ACL", "SETUSER", "chat", "on", ">s3cret", "allkeys", "allchannels", "+@all")
  url.username = "chat"
  url.password = "s3cret"
  return { command, url }
})

describe("Redis that answers and refuses", () => {
  for (const { name, onlyLater = false, words, refuse, heal } of REFUSALS) {
    it.live(`a node that ${name} says so once, works without it, and heals`, () =>
      Effect.gen(function* () {
        const { command, url } = yield* serverWithUser
        const node = yield* redisNode(url.href)
        yield* node.isUp

        yield* refuse(command)
        yield* node.isUnavailable
        yield* refusedAgain(command, words)
        assert.isFalse(node.redis.isUp())
        yield* warnsOnce(node, words)

        yield* heal(command)
        yield* node.isUp
        yield* delivers(node, node)
        assert.strictEqual(node.lines.at(-1), "Info Redis is available")
        assert.notInclude(node.lines.join(), "s3cret")
      })
    )

    if (onlyLater) continue
    it.live(`a node that ${name} when it starts says so, and works once that is mended`, () =>
      Effect.gen(function* () {
        const { command, url } = yield* serverWithUser
        yield* refuse(command)
        const node = yield* redisNode(url.href)
        assert.isFalse(node.redis.isUp())
        yield* warnsOnce(node, words)

        yield* heal(command)
        yield* node.isUp
      })
    )
  }

  it.live("a node whose server is busy with a script of somebody else says so once, and heals", () =>
    Effect.gen(function* () {
      const { command, url } = yield* serverWithUser
      const node = yield* redisNode(url.href)
      yield* node.isUp
      yield* command("CONFIG", "SET", "busy-reply-threshold", 1)
      const script = command("EVAL", "while true do end", 0)
      yield* Effect.forkScoped(Effect.ignoreCause(script), { startImmediately: true })

      yield* node.isUnavailable
      yield* warnsOnce(node, /BUSY /)
      yield* command("SCRIPT", "KILL")
      yield* node.isUp
    })
  )

  it.live("a node that may not run some command of its own says so once, and goes on", () =>
    Effect.gen(function* () {
      const { command, url } = yield* serverWithUser
      yield* command("ACL", "SETUSER", "chat", "-hset")
      const node = yield* redisNode(url.href)
      yield* node.isUp

      for (let i = 0; i < 3; i++)
        yield* Effect.flip(node.redis.run((commands) => commands.hset("a", "b", "c")))

      yield* warnsOnce(node, /NOPERM .* 'hset' command/)
      assert.isTrue(node.redis.isUp())
    })
  )

  it.live("a node whose server becomes a replica moves to the server that took its place", () =>
    Effect.gen(function* () {
      const [old, promoted] = [yield* startRedis(), yield* startRedis()]
      const target = new URL(old.url)
      const address = yield* tcpProxy(target)
      const node = yield* redisNode(address.url.href)
      const other = yield* redisNode(promoted.url.href)
      yield* node.isUp

      target.port = promoted.url.port
      yield* old.command("REPLICAOF", "127.0.0.1", 1)
      yield* node.isUnavailable

      yield* node.isUp
      yield* delivers(node, other)
      yield* delivers(other, node)
    })
  )

  it.live("a node that does not know the host says so", () =>
    Effect.gen(function* () {
      const node = yield* redisNode("redis://host.invalid:6379")

      yield* warnsOnce(node, /getaddrinfo \w+ host\.invalid/)
    })
  )

  it.live("a node that is refused the connection says so", () =>
    Effect.gen(function* () {
      const { url, kill } = yield* startRedis()
      yield* kill
      const node = yield* redisNode(url.href)

      yield* warnsOnce(node, /connect ECONNREFUSED/)
    })
  )
})
