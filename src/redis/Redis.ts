import { Context, Effect, Layer, Option, type PubSub, Random, Redacted, Schema, type Scope } from "effect"
import type { Cluster, Redis as IORedis } from "ioredis"
import { AppConfig } from "../AppConfig.ts"
import { makeAvailability } from "./Availability.ts"
import { commandBatches } from "./CommandBatch.ts"
import { connect } from "./Connections.ts"
import { makeProbe } from "./Probe.ts"
import { type MakeScript, scriptsOf } from "./Scripts.ts"

const DEFAULT_URL = "redis://localhost:6379"

/** Redis refused a command, or did not answer it in time. In the second case it may have run the command. */
export class RedisError extends Schema.TaggedError<RedisError>()("RedisError", { cause: Schema.Defect() }) {}

/**
 * The connections to Redis: one sends commands, in one batch a turn of the event loop, and one subscribes. The server
 * works without Redis: while it is unavailable every command fails at once, and the connections reconnect by themselves.
 */
export class Redis extends Context.Service<
  Redis,
  {
    /** Runs one command. Fails at once while Redis is unavailable, and after 100 ms at the latest. */
    run<A>(command: (connection: IORedis) => Promise<A>): Effect.Effect<A, RedisError>
    /**
     * Sends one command, like `run`; the effect that it answers waits for the reply. For a caller that has something else to
     * wait for meanwhile, or nothing at all.
     */
    start<A>(command: (connection: IORedis) => Promise<A>): Effect.Effect<Effect.Effect<A, RedisError>>
    /**
     * Runs one command for all items of a turn of the event loop. The command replies with an answer for each item, in
     * the order of the items. The outer effect enqueues an item; the inner one waits for its answer, and fails like
     * `run`. In a cluster, where items belong to different shards, each item has a command of its own.
     */
    batched<Item, A>(
      command: (connection: IORedis, items: ReadonlyArray<Item>) => Promise<ReadonlyArray<A>>
    ): (item: Item) => Effect.Effect<Effect.Effect<A, RedisError>>
    /** Makes a Lua script a command. A connection sends the script once, and its hash from then on. */
    readonly script: MakeScript
    /** The connection for subscriptions. */
    readonly subscriber: IORedis | Cluster
    /** Whether channels are sharded, as in a cluster: subscribe with `SSUBSCRIBE` and publish with `SPUBLISH`. */
    readonly sharded: boolean
    /**
     * Whether Redis does what a node needs: it takes writes, and delivers what this node publishes. A probe every
     * 500 ms keeps this up to date, so that a call only reads a flag.
     */
    isUp(): boolean
    /** How many times Redis became unavailable since the first connection. A call only reads a counter. */
    outages(): number
    /** Yields each time that Redis becomes available. Events that were published before may be lost. */
    readonly recoveries: Effect.Effect<PubSub.Subscription<void>, never, Scope.Scope>
    /** The prefix of every key and channel. */
    readonly prefix: string
  }
>()("minichat/redis/Redis") {
  static readonly layer = Layer.effect(
    Redis,
    Effect.gen(function* () {
      const { redisUrl, redisUrlFile, redisCluster, redisPrefix: prefix } = yield* AppConfig
      const url = Option.match(redisUrl, { onNone: () => DEFAULT_URL, onSome: Redacted.value })
      const availability = yield* makeAvailability
      const connections = yield* connect(url, Option.getOrUndefined(redisUrlFile), redisCluster, availability)
      const { commands, subscriber, sharded } = connections
      const script = scriptsOf(commands)
      const unique = yield* Random.nextIntBetween(0, Number.MAX_SAFE_INTEGER)
      const probe = makeProbe(connections, script, `${prefix}probe:${unique.toString(36)}`)
      yield* availability.watch(probe, connections.reconnect)

      const unavailable = Effect.suspend(() => Effect.fail(new RedisError({ cause: "Redis is unavailable" })))
      const batches = commandBatches(commands)
      /** Sends at once; the inner effect waits for the reply. */
      const send = <A>(command: () => Promise<A>) =>
        Effect.sync(() => {
          if (!availability.isUp()) return unavailable
          const reply = command()
          // The caller may never run the inner effect: a rejection must not end the process.
          reply.catch(ignore)
          return Effect.tryPromise({ try: () => reply, catch: (cause) => new RedisError({ cause }) }).pipe(
            Effect.tapError(({ cause }) => Effect.sync(() => availability.onCommandFailure(cause)))
          )
        })

      const start: Redis["Service"]["start"] = (command) => send(() => batches.run(command))

      return Redis.of({
        subscriber,
        sharded,
        prefix,
        isUp: availability.isUp,
        outages: availability.outages,
        recoveries: availability.recoveries,
        run: (command) => Effect.flatten(start(command)),
        start,
        batched: (command) => {
          const enqueue = batches.batched(command)
          return (item) => send(() => enqueue(item))
        },
        script
      })
    })
  )
}

const ignore = () => {}
