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
import { inTurns } from "./CommandBatch.ts"

/** Redis is away when a PING, sent at this interval, gets no reply within it. */
const PING_INTERVAL = Duration.millis(500)

/** A command was refused or not answered in time. It may have been carried out all the same. */
export class RedisError extends Schema.TaggedError<RedisError>()("RedisError", { cause: Schema.Defect() }) {}

/**
 * The connections to Redis: one for commands, pipelined per tick, and one for subscriptions. Redis is never
 * required: while it is away every command fails at once, and the connections come back by themselves.
 */
export class Redis extends Context.Service<
  Redis,
  {
    /** Runs a command. Fails at once while Redis is away, and after 100 ms at the latest. */
    run<A>(command: (connection: IORedis) => Promise<A>): Effect.Effect<A, RedisError>
    /** Sends a command, like `run`; the effect that it answers waits for the reply. */
    start<A>(command: (connection: IORedis) => Promise<A>): Effect.Effect<Effect.Effect<A, RedisError>>
    /**
     * Gathers what is given in one turn of the event loop for one command, which is sent at its end, like `start`
     * does: its reply has an answer for each item, in its place. In a cluster, where items have different shards, the
     * command is given for each by itself.
     */
    gather<Item, A>(
      command: (connection: IORedis, items: ReadonlyArray<Item>) => Promise<ReadonlyArray<A>>
    ): (item: Item) => Effect.Effect<Effect.Effect<A, RedisError>>
    /** A Lua script as a command. Only its hash is sent once a connection has sent the script. */
    script<A>(
      lua: string
    ): (
      connection: IORedis,
      keys: ReadonlyArray<string>,
      args: ReadonlyArray<string | number | Buffer>
    ) => Promise<A>
    /** The connection that subscribes. */
    readonly subscriber: IORedis | Cluster
    /** In a cluster, channels live on the shard of their name, and publishing is `SPUBLISH`. */
    readonly sharded: boolean
    /** Whether Redis answers. Kept up to date from outside the caller, so that asking costs nothing. */
    isUp(): boolean
    /** How often Redis was away so far, the time before the first connection not counted. Costs nothing, too. */
    outages(): number
    /** Yields each time that Redis answers after it was away: what was sent meanwhile is lost. */
    readonly recoveries: Effect.Effect<PubSub.Subscription<void>, never, Scope.Scope>
    /** Stands before every key and channel. */
    readonly prefix: string
  }
>()("minichat/bus/Redis") {
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

      const wentAway = Effect.suspend(() => {
        if (!up) return Effect.void
        up = false
        outages++
        return Effect.logWarning("Redis is away: serving from the database until it is back")
      })
      const cameBack = Effect.suspend(() => {
        if (up) return Effect.void
        up = true
        return Effect.andThen(PubSub.publish(recovered, undefined), Effect.logInfo("Redis is connected"))
      })

      // A busy process may find the time over before it reads a reply that is there: it is looked for once more.
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
          // One of the two connections may have closed after it answered, and before the other one did.
          Effect.andThen(Effect.suspend(() => (answered && closes === closesBefore ? cameBack : wentAway)))
        )
      })

      const runFork = yield* FiberSet.makeRuntime<never>()
      for (const connection of [commands, subscriber]) {
        connection.on("close", () => {
          closes++
          runFork(wentAway)
        })
      }
      yield* ping
      if (!up) yield* Effect.logWarning("Redis does not answer (REDIS_URL): serving without it until it does")
      yield* Effect.forkScoped(Effect.repeat(ping, Schedule.spaced(PING_INTERVAL)))

      const away = Effect.suspend(() => Effect.fail(new RedisError({ cause: "Redis is away" })))
      const { give, gather } = inTurns(commands)
      const ask = <A>(command: () => Promise<A>) =>
        Effect.sync(() => {
          if (!up) return away
          const reply = command()
          // Whoever sent it may not wait for it.
          reply.catch(ignore)
          return Effect.tryPromise({ try: () => reply, catch: (cause) => new RedisError({ cause }) })
        })
      const start: Redis["Service"]["start"] = (command) => ask(() => give(command))

      let scripts = 0
      const script = <A>(lua: string) => {
        const name = `script${scripts++}`
        commands.defineCommand(name, { lua })
        type Run = (
          numberOfKeys: number,
          ...keysAndArgs: ReadonlyArray<string | number | Buffer>
        ) => Promise<A>
        return (
          connection: IORedis,
          keys: ReadonlyArray<string>,
          args: ReadonlyArray<string | number | Buffer>
        ) => (connection as unknown as Record<string, Run>)[name]!(keys.length, ...keys, ...args)
      }

      return Redis.of({
        subscriber,
        sharded: redisCluster,
        prefix,
        isUp: () => up,
        outages: () => outages,
        recoveries: PubSub.subscribe(recovered),
        start,
        gather: (command) => {
          const giveTogether = gather(command)
          return (item) => ask(() => giveTogether(item))
        },
        script,
        run: (command) => Effect.flatten(start(command))
      })
    })
  )
}

const reconnectDelay = (attempt: number) => Math.min(50 * 2 ** attempt, 1000)

// Nothing is queued for, or sent again after, a reconnect: a command that was not confirmed is the caller's to
// deal with, and a push carried out twice would show a message twice.
const common = {
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  maxRetriesPerRequest: 0,
  connectTimeout: 2000,
  retryStrategy: reconnectDelay
} satisfies RedisOptions

// A failure is noticed by what was asked, or by the next PING. Without a listener ioredis prints each attempt.
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
