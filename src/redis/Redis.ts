import {
  Clock,
  Context,
  Duration,
  Effect,
  Exit,
  Fiber,
  FiberSet,
  Layer,
  Option,
  PubSub,
  Random,
  Redacted,
  Schedule,
  Schema,
  type Scope
} from "effect"
import type { Cluster, Redis as IORedis } from "ioredis"
import { AppConfig } from "../AppConfig.ts"
import { commandBatches } from "./CommandBatch.ts"
import { connect } from "./Connections.ts"
import { makeProbe } from "./Probe.ts"
import { adviceFor, isWrongServer, type Reason, reasonOf } from "./Reason.ts"

const DEFAULT_URL = "redis://localhost:6379"

/** How often Redis is probed, and how long it may take to answer a probe before it is unavailable. */
const PROBE_INTERVAL = Duration.millis(500)

/** How long probes may fail without a refusal before all connections are closed and opened anew. */
const RECONNECT_AFTER = Duration.seconds(5)

/** How many different warnings are logged until Redis is available again. */
const MAX_REASONS = 20

const SILENT: Reason = { isRefusal: false, text: `no answer within ${Duration.format(PROBE_INTERVAL)}` }

const CLOSED: Reason = { isRefusal: false, text: "the connection closed" }

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
    /**
     * Whether Redis does what a node needs: it takes writes, and delivers what this node publishes. A probe every
     * 500 ms keeps this up to date, so that a call only reads a flag.
     */
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
      const url = Option.match(redisUrl, { onNone: () => DEFAULT_URL, onSome: Redacted.value })
      const runFork = yield* FiberSet.makeRuntime<never>()
      const recovered = yield* PubSub.sliding<void>({ capacity: 1 })
      let up = false
      let outages = 0
      let closes = 0
      /** What the last error of a connection said. */
      let lastError: Reason | undefined
      /** The reasons that were logged since Redis was available. */
      const logged = new Set<string>()

      const log = (line: string) =>
        Effect.suspend(() => {
          if (logged.has(line) || logged.size >= MAX_REASONS) return Effect.void
          logged.add(line)
          return Effect.logWarning(line)
        })
      const markUnavailable = (reason: Reason) =>
        Effect.suspend(() => {
          if (up) outages++
          up = false
          const verb = reason.isRefusal ? "refuses what this server needs" : "does not answer"
          return log(
            `Redis ${verb} (REDIS_URL): ${reason.text}.${adviceFor(reason.text)} Serving from the database until that is mended`
          )
        })
      const markAvailable = Effect.suspend(() => {
        lastError = undefined
        if (up) return Effect.void
        up = true
        logged.clear()
        return Effect.andThen(PubSub.publish(recovered, undefined), Effect.logInfo("Redis is available"))
      })

      const connections = yield* connect(
        url,
        redisCluster,
        (error) => {
          lastError = reasonOf(error) ?? lastError
        },
        () => {
          closes++
          // Before the first connection, the probe below reports why there is none.
          if (up) runFork(markUnavailable(lastError ?? CLOSED))
        }
      )
      const { commands, subscriber, sharded } = connections
      const script = makeScript(commands)
      const node = yield* Random.nextIntBetween(0, Number.MAX_SAFE_INTEGER)
      const probe = makeProbe(connections, script, `${prefix}probe:${node.toString(36)}`)

      let failingSince: number | undefined
      const check = Effect.gen(function* () {
        const closesBefore = closes
        const probing = yield* Effect.forkChild(probe, { startImmediately: true })
        yield* Effect.timeoutOption(Fiber.await(probing), PROBE_INTERVAL)
        // A busy process may run the timeout before it reads a reply that has arrived: sleep 1 ms to read it.
        if (probing.pollUnsafe() === undefined) yield* Effect.sleep(1)
        const exit = probing.pollUnsafe()
        yield* Fiber.interrupt(probing)
        // A connection may have closed between its reply and the reply of the other connection.
        if (exit !== undefined && Exit.isSuccess(exit) && closes === closesBefore) {
          failingSince = undefined
          return yield* markAvailable
        }
        const cause = exit === undefined ? Option.none() : Exit.findErrorOption(exit)
        const reason = Option.match(cause, {
          onNone: () => (exit === undefined ? SILENT : CLOSED),
          onSome: ({ cause }) => reasonOf(cause) ?? lastError ?? CLOSED
        })
        yield* markUnavailable(reason)
        const now = yield* Clock.currentTimeMillis
        failingSince ??= now
        if (!isWrongServer(reason)) {
          // A refusal is an answer: a new connection would get the same one.
          if (reason.isRefusal || now - failingSince < Duration.toMillis(RECONNECT_AFTER)) return
        }
        failingSince = now
        connections.reconnect()
      })

      yield* check
      yield* Effect.forkScoped(Effect.repeat(check, Schedule.spaced(PROBE_INTERVAL)))

      const unavailable = Effect.suspend(() => Effect.fail(new RedisError({ cause: "Redis is unavailable" })))
      // The probe cannot try every command: a user may lack the right to some.
      const logRefusal = (cause: unknown) =>
        Effect.sync(() => {
          const reason = reasonOf(cause)
          if (!reason?.isRefusal || reason.text.startsWith("NOSCRIPT")) return
          runFork(log(`Redis refused a command (REDIS_URL): ${reason.text}.${adviceFor(reason.text)}`))
        })
      const batches = commandBatches(commands)
      /** Sends at once; the inner effect waits for the reply. */
      const send = <A>(command: () => Promise<A>) =>
        Effect.sync(() => {
          if (!up) return unavailable
          const reply = command()
          // The caller may never run the inner effect: a rejection must not end the process.
          reply.catch(ignore)
          return Effect.tryPromise({ try: () => reply, catch: (cause) => new RedisError({ cause }) }).pipe(
            Effect.tapError(({ cause }) => logRefusal(cause))
          )
        })

      return Redis.of({
        subscriber,
        sharded,
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

/** Makes Lua scripts commands of a connection. */
const makeScript = (connection: IORedis | Cluster): Redis["Service"]["script"] => {
  let scripts = 0
  return <A>(lua: string) => {
    const name = `script${scripts++}`
    connection.defineCommand(name, { lua })
    type Run = (numberOfKeys: number, ...keysAndArgs: ReadonlyArray<string | number>) => Promise<A>
    return (connection: IORedis, keys: ReadonlyArray<string>, args: ReadonlyArray<string | number>) =>
      (connection as unknown as Record<string, Run>)[name]!(keys.length, ...keys, ...args)
  }
}

const ignore = () => {}
