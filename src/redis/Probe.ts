import { Deferred, Duration, Effect } from "effect"
import { Cluster, type Redis as IORedis } from "ioredis"
import { nameForEachMaster } from "./ClusterSlots.ts"
import type { Connections } from "./Connections.ts"
import type { MakeScript } from "./Scripts.ts"

/** How long Redis keeps the key that a probe writes. */
const KEPT = Duration.minutes(1)

// The probe publishes as events are published: by a script, in a cluster by SPUBLISH. An ACL may allow one and not the other.
const PUBLISH = "return redis.call('PUBLISH', ARGV[1], ARGV[2])"

/** A probe was refused, or its connection closed. */
export class ProbeFailed {
  readonly _tag = "ProbeFailed"
  readonly cause: unknown
  constructor(cause: unknown) {
    this.cause = cause
  }
}

/**
 * A replica passes on what its primary publishes, so all arrives. But a server counts its own subscribers only, and nodes count to know who
 * else listens.
 */
const APART = new Error("its connections for commands and for subscriptions are to different servers")

const attempt = <A>(command: () => Promise<A>) =>
  Effect.tryPromise({ try: command, catch: (cause) => new ProbeFailed(cause) })

/**
 * Does what a node needs of Redis, on every shard: writes a key that expires, publishes on a channel of the node's
 * own, and waits until the message arrives. Fails with the error that Redis replies; waits as long as Redis does not reply.
 */
export const makeProbe = (
  { commands, subscriber, sharded }: Connections,
  script: MakeScript,
  /** The name of this node's keys and channels. */
  name: string
): Effect.Effect<void, ProbeFailed> => {
  const hearing = new Map<
    string,
    { readonly channel: Buffer; readonly nonce: string; readonly arrived: () => void }
  >()
  const subscribed = new Set<string>()
  let nonces = 0

  // Every message of the node passes here: compare bytes, make no string.
  const onMessage = (channel: Buffer, payload: Buffer) => {
    for (const waiting of hearing.values()) {
      if (waiting.channel.equals(channel) && payload.toString() === waiting.nonce) waiting.arrived()
    }
  }
  subscriber.on(sharded ? "smessageBuffer" : "messageBuffer", onMessage)
  for (const event of ["close", "-node", "-subscriber"]) subscriber.on(event, () => subscribed.clear())

  const subscribe = async (channel: string) => {
    // ioredis keeps a list of a cluster's channels: without this it would grow with each repeat.
    if (sharded) await subscriber.sunsubscribe(channel)
    await (sharded ? subscriber.ssubscribe(channel) : subscriber.subscribe(channel))
    subscribed.add(channel)
  }
  const publishInScript = script(PUBLISH)
  const publish = (channel: string, nonce: string): Promise<unknown> =>
    sharded ? commands.spublish(channel, nonce) : publishInScript(commands as IORedis, [], [channel, nonce])

  const probe = (channel: string) =>
    Effect.gen(function* () {
      const nonce = String(nonces++)
      const arrived = Deferred.makeUnsafe<void>()
      if (!subscribed.has(channel)) yield* attempt(() => subscribe(channel))
      hearing.set(channel, {
        channel: Buffer.from(channel),
        nonce,
        arrived: () => Deferred.doneUnsafe(arrived, Effect.void)
      })
      const [, subscribers] = yield* attempt(() =>
        Promise.all([commands.set(channel, nonce, "PX", Duration.toMillis(KEPT)), publish(channel, nonce)])
      )
      if (!sharded && subscribers === 0) return yield* Effect.fail(new ProbeFailed(APART))
      yield* Deferred.await(arrived)
    }).pipe(
      Effect.onExit((exit) =>
        Effect.sync(() => {
          hearing.delete(channel)
          // The next probe subscribes anew, and so writes to the subscriber: one that is silent is then destroyed.
          if (exit._tag === "Failure") subscribed.delete(channel)
        })
      )
    )

  const namesOf = nameForEachMaster(name)
  return Effect.suspend(() => {
    const names = commands instanceof Cluster ? namesOf(commands.slots) : [name]
    return names.length === 0
      ? Effect.fail(new ProbeFailed(new Error("No node of the cluster is known")))
      : Effect.forEach(names, probe, { concurrency: "unbounded", discard: true })
  })
}
