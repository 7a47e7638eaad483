import { Effect } from "effect"
import { Redis as IORedis } from "ioredis"
import { redisServer } from "../../faults/support/Binaries.ts"
import { freePort } from "../../faults/support/Ports.ts"
import * as Process from "../../faults/support/Process.ts"

/** Runs a command on a connection of its own. */
const commandOn = (port: number, password = "") =>
  Effect.fnUntraced(function* (name: string, ...args: ReadonlyArray<string | number>) {
    return yield* Effect.promise(async () => {
      const client = new IORedis({
        port,
        host: "127.0.0.1",
        lazyConnect: true,
        // A server that refuses everything else takes the commands that mend it.
        enableReadyCheck: false,
        retryStrategy: () => null,
        ...(password === "" ? {} : { password })
      })
      client.on("error", () => {})
      try {
        await client.connect()
        return await client.call(name, ...args)
      } finally {
        client.disconnect()
      }
    })
  })

/** A Redis server of the scope's own, empty and answering. Further options as for its command line. */
export const startRedis = Effect.fnUntraced(function* (...options: ReadonlyArray<string>) {
  const port = yield* freePort
  const command = commandOn(port, options[options.indexOf("--requirepass") + 1 || options.length])
  const args = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", ...options]
  const server = yield* Process.start(yield* redisServer, args)
  const answers = Effect.as(command("PING"), true).pipe(Effect.catchDefect(() => Effect.succeed(false)))
  yield* Process.ready(server, "Redis answers", answers, "10 seconds")
  return {
    port,
    url: new URL(`redis://127.0.0.1:${port}`),
    command,
    kill: Effect.andThen(server.signal("SIGKILL"), server.ended),
    freeze: server.signal("SIGSTOP")
  }
})

/** A sentinel that watches a primary by the name `chat`, and decides alone. */
export const startSentinel = Effect.fnUntraced(function* (
  primaryPort: number,
  file: string,
  password: string
) {
  const port = yield* freePort
  const command = commandOn(port)
  const config = [
    `port ${port}`,
    "bind 127.0.0.1",
    `sentinel monitor chat 127.0.0.1 ${primaryPort} 1`,
    `sentinel auth-pass chat ${password}`,
    "sentinel down-after-milliseconds chat 500",
    "sentinel failover-timeout chat 2000"
  ]
  yield* Process.run("sh", ["-c", 'printf "%s\\n" "$@" > "$0"', file, ...config])
  const sentinel = yield* Process.start(yield* redisServer, [file, "--sentinel"])
  const knowsReplica = Effect.map(
    command("SENTINEL", "replicas", "chat"),
    (all) => Array.isArray(all) && all.length > 0
  )
  yield* Process.ready(
    sentinel,
    "the sentinel knows the replica",
    knowsReplica.pipe(Effect.catchDefect(() => Effect.succeed(false))),
    "20 seconds"
  )
  return { port, command }
})
