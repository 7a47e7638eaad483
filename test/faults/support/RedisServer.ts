import { Context, Effect, Layer, Scope } from "effect"
import { Redis } from "ioredis"
import { redisServer } from "./Binaries.ts"
import { freePort } from "./Ports.ts"
import * as Process from "./Process.ts"

/** A Redis server of its own that keeps nothing on disk. */
export class RedisServer extends Context.Service<
  RedisServer,
  {
    readonly url: string
    readonly command: (name: string, ...args: ReadonlyArray<string>) => Effect.Effect<unknown>
    /** Stops it from running, with its connections open. */
    readonly freeze: Effect.Effect<void>
    readonly thaw: Effect.Effect<void>
    readonly kill: Effect.Effect<void>
    /** Starts it again, empty, and waits until it answers. */
    readonly start: Effect.Effect<void>
  }
>()("minichat/faults/RedisServer") {
  static readonly layer = Layer.effect(
    RedisServer,
    Effect.gen(function* () {
      const scope = yield* Effect.scope
      const binary = yield* redisServer
      const port = yield* freePort

      const command = (name: string, ...args: ReadonlyArray<string>) =>
        Effect.tryPromise(async () => {
          const redis = new Redis({ port, host: "127.0.0.1", lazyConnect: true, retryStrategy: () => null })
          redis.on("error", () => {})
          try {
            await redis.connect()
            return await redis.call(name, ...args)
          } finally {
            redis.disconnect()
          }
        })

      let server: Process.Process
      const start = Effect.gen(function* () {
        const args = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        server = yield* Process.start(binary, args)
        yield* Process.ready(server, "Redis answers", Effect.as(command("PING"), true), "10 seconds")
      }).pipe(Scope.provide(scope))
      yield* start

      const signal = (name: NodeJS.Signals) => Effect.suspend(() => server.signal(name))
      return RedisServer.of({
        url: `redis://127.0.0.1:${port}/0`,
        command: (name, ...args) => Effect.orDie(command(name, ...args)),
        freeze: signal("SIGSTOP"),
        thaw: signal("SIGCONT"),
        kill: Effect.andThen(
          signal("SIGKILL"),
          Effect.suspend(() => Effect.asVoid(server.ended))
        ),
        start
      })
    })
  )
}
