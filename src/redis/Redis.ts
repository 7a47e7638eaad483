import {
  Context,
  Duration,
  Effect,
  FiberSet,
  Layer,
  PubSub,
  Redacted,
  Schedule,
  Schema,
  type Scope
} from "effect"
import { Cluster, Redis as IORedis, type RedisOptions } from "ioredis"
import { AppConfig } from "../AppConfig.ts"
import { commandBatches } from "./CommandBatch.ts"

/** Redis is unavailable when a PING, sent at this interval, gets no reply within it. */
const PING_INTERVAL = Duration.millis(500)

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
     * Runs one command for all items of a turn of the event loop. The command replies with an answer for each item, in
     * the order of the items. The outer effect enqueues an item; the inner one waits for its answer, and fails like
     * `run`. In a cluster, where items belong to different shards, each item has a command of its own.
     */
    batched<Item, A>(
      command: (connection: IORedis, items: ReadonlyArray<Item>) => Promise<ReadonlyArray<A>>
    ): (item: Item) => Effect.Effect<Effect.Effect<A, RedisError>>
    /** Makes a Lua script a command. A connection sends the script once, and its hash from then on. */
    script<A>(
      lua: string
    ): (connection: IORedis, keys: ReadonlyArray<string>, args: ReadonlyArray<string | number>) => Promise<A>
    /** The connection for subscriptions. */
    readonly subscriber: IORedis | Cluster
    /** Whether channels are sharded, as in a cluster: subscribe with `SSUBSCRIBE` and publish with `SPUBLISH`. */
    readonly sharded: boolean
    /** Whether Redis answers. A PING every 500 ms keeps this up to date, so that a call only reads a flag. */
    isUp(): boolean
    /** How many times Redis became unavailable since the first connection. A call only reads a counter. */
    outages(): number
    /** Yields each time that Redis becomes available. What was published before that may not have arrived. */
    readonly recoveries: Effect.Effect<PubSub.Subscription<void>, never, Scope.Scope>
    /** The prefix of every key and channel. */
    readonly prefix: string
  }
>()("minichat/redis/Redis") {
  static readonly layer = Layer.effect(
    Redis,
    Effect.gen(function* () {
      const { redisUrl, redisCluster, redisPrefix: prefix } = yield* AppConfig
      const url = redisUrl._tag === "Some" ? Redacted.value(redisUrl.value) : "redis://localhost:6379"
      const { commands, subscriber } = yield* redisCluster ? connectCluster(url) : connectServer(url)

      const recovered = yield* PubSub.sliding<void>({ capacity: 1 })
      let up = false
      let outages = 0
      let closes = 0

      const markUnavailable = Effect.suspend(() => {
        if (!up) return Effect.void
        up = false
        outages++
        return Effect.logWarning("Redis is unavailable: serving from the database until it answers")
      })
      const markAvailable = Effect.suspend(() => {
        if (up) return Effect.void
        up = true
        return Effect.andThen(PubSub.publish(recovered, undefined), Effect.logInfo("Redis is connected"))
      })

      // A busy process may run the timeout before it reads a reply that has arrived: sleep 1 ms to read it.
      const ping = Effect.suspend(() => {
        let answered = false
        const closesBefore = closes
        const reply = Effect.tryPromise(() =>
          Promise.all([commands.ping(), subscriber.ping()]).then(() => {
            answered = true
          })
        )
        return reply.pipe(
          Effect.timeoutOption(PING_INTERVAL),
          Effect.ignore,
          Effect.andThen(Effect.suspend(() => (answered ? Effect.void : Effect.sleep(1)))),
          // A connection may have closed between its reply and the reply of the other connection.
          Effect.andThen(
            Effect.suspend(() => (answered && closes === closesBefore ? markAvailable : markUnavailable))
          )
        )
      })

      const runFork = yield* FiberSet.makeRuntime<never>()
      for (const connection of [commands, subscriber]) {
        connection.on("close", () => {
          closes++
          runFork(markUnavailable)
        })
      }
      yield* ping
      if (!up) yield* Effect.logWarning("Redis does not answer (REDIS_URL): serving without it until it does")
      yield* Effect.forkScoped(Effect.repeat(ping, Schedule.spaced(PING_INTERVAL)))

      const unavailable = Effect.suspend(() => Effect.fail(new RedisError({ cause: "Redis is unavailable" })))
      const batches = commandBatches(commands)
      /** Sends at once; the inner effect waits for the reply. */
      const send = <A>(command: () => Promise<A>) =>
        Effect.sync(() => {
          if (!up) return unavailable
          const reply = command()
          // The caller may never run the inner effect: a rejection must not end the process.
          reply.catch(ignore)
          return Effect.tryPromise({ try: () => reply, catch: (cause) => new RedisError({ cause }) })
        })

      let scripts = 0
      const script = <A>(lua: string) => {
        const name = `script${scripts++}`
        commands.defineCommand(name, { lua })
        type Run = (numberOfKeys: number, ...keysAndArgs: ReadonlyArray<string | number>) => Promise<A>
        return (connection: IORedis, keys: ReadonlyArray<string>, args: ReadonlyArray<string | number>) =>
          (connection as unknown as Record<string, Run>)[name]!(keys.length, ...keys, ...args)
      }

      return Redis.of({
        subscriber,
        sharded: redisCluster,
        prefix,
        isUp: () => up,
        outages: () => outages,
        recoveries: PubSub.subscribe(recovered),
        run: (command) => Effect.flatten(send(() => batches.run(command))),
        batched: (command) => {
          const enqueue = batches.batched(command)
          return (item) => send(() => enqueue(item))
        },
        script
      })
    })
  )
}

const reconnectDelay = (attempt: number) => Math.min(50 * 2 ** attempt, 1000)

// No command is queued for a reconnect or repeated after it. The caller handles a command that was not confirmed: a
// push that runs twice would show a message twice.
const common = {
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  maxRetriesPerRequest: 0,
  connectTimeout: 2000,
  retryStrategy: reconnectDelay
} satisfies RedisOptions

// The command that fails, or the next PING, reports the failure. Without a listener ioredis prints each attempt.
const ignore = () => {}

const connectServer = (url: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const commands = new IORedis(url, { ...common, lazyConnect: true })
      const subscriber = new IORedis(url, { ...common, lazyConnect: true })
      for (const connection of [commands, subscriber]) connection.on("error", ignore)
      await Promise.allSettled([commands.connect(), subscriber.connect()])
      return { commands, subscriber }
    }),
    ({ commands, subscriber }) =>
      Effect.sync(() => {
        commands.disconnect()
        subscriber.disconnect()
      })
  )

const connectCluster = (url: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const { enableOfflineQueue: _, retryStrategy: __, ...nodeOptions } = common
      const { hostname, port, username, password, protocol } = new URL(url)
      const cluster = new Cluster([{ host: hostname, port: Number(port || 6379) }], {
        lazyConnect: true,
        enableOfflineQueue: false,
        shardedSubscribers: true,
        clusterRetryStrategy: reconnectDelay,
        redisOptions: {
          ...nodeOptions,
          ...(username === "" ? {} : { username: decodeURIComponent(username) }),
          ...(password === "" ? {} : { password: decodeURIComponent(password) }),
          ...(protocol === "rediss:" ? { tls: {} } : {})
        }
      })
      cluster.on("error", ignore)
      await Promise.allSettled([cluster.connect()])
      return { commands: cluster as IORedis | Cluster, subscriber: cluster as IORedis | Cluster }
    }),
    ({ commands }) => Effect.sync(() => commands.disconnect())
  )
