import { Effect, Layer } from "effect"
import { Redis as ScriptRunner } from "effect/persistence"
import { Cluster, type Redis as IORedis } from "ioredis"
import { Redis } from "./Redis.ts"

/** Redis as Effect's `RateLimiter` needs it, over this server's connection. It runs scripts; it does not subscribe. */
export const LimiterStore = {
  layer: Layer.effect(
    ScriptRunner.Redis,
    Effect.gen(function* () {
      const { run } = yield* Redis
      const fail = (cause: unknown) => new ScriptRunner.RedisError({ cause })
      const unsupported = Effect.fail(fail("Only scripts run over this connection"))

      const send = <A>(command: string, ...args: ReadonlyArray<string>) =>
        run((connection: IORedis | Cluster) =>
          // Any master may hold the keys of a script: load it on all of them.
          command === "SCRIPT" && connection instanceof Cluster
            ? Promise.all(connection.nodes("master").map((node) => node.call(command, ...args))).then(
                ([sha]) => sha as A
              )
            : (connection.call(command, ...args) as Promise<A>)
        ).pipe(Effect.mapError(({ cause }) => fail(cause)))

      return yield* ScriptRunner.make({ send, subscribe: () => unsupported, connect: unsupported })
    })
  )
}
