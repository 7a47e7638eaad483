import { Array, Duration, Effect, Option, PubSub, Random, type Scope } from "effect"
import type { Redis as IORedis } from "ioredis"
import { atTicks } from "../domain/Timing.ts"
import type { UserId } from "../domain/User.ts"
import { Epoch } from "../Epoch.ts"
import { ALONE_FOR } from "./Alone.ts"
import { decode, PASSING, seqOf } from "./BusPayload.ts"
import { makeChannels } from "./Channels.ts"
import { commandBatches } from "./CommandBatch.ts"
import { OlderNodes } from "./OlderNodes.ts"
import { Redis } from "./Redis.ts"
import { makeVerify } from "./Signatures.ts"
import type { Subscriber } from "./Subscriber.ts"

/** A subscriber, the user whose channel it subscribed to, and the epoch of that channel. */
interface Following extends Subscriber {
  readonly userId: UserId
  readonly epoch: string
  /** Whether Redis has confirmed the subscription: it is in force while `present` has a subscriber. */
  isConfirmed: boolean
}

/**
 * The subscriptions of this node to users' channels, until the scope closes. Verifies each payload and passes it to the listener of
 * its channel. Subscribes to all channels anew when Redis has recovered.
 */
export const makeListeners = Effect.gen(function* () {
  const redis = yield* Redis
  const { subscriber, sharded, isUp, prefix } = redis
  const epoch = yield* Epoch
  const olderNodes = yield* OlderNodes
  const listeners = new Map<string, Following>()
  const recovered = yield* PubSub.sliding<void>({ capacity: 1 })
  const names = makeChannels(prefix)
  /**
   * The channels of nodes that this node has subscribed to, and since when, by `performance.now()`: infinite until Redis has confirmed
   * it on the connection in use. In force while `present` has a subscriber.
   */
  const counted = new Map<string, number>()
  const countFromNow = (channels: Iterable<string>) => {
    for (const channel of channels)
      if ((counted.get(channel) ?? Infinity) === Infinity) counted.set(channel, performance.now())
  }

  const verify = makeVerify()
  const onMessage = (channelName: Buffer, payload: Buffer) => {
    const channel = channelName.toString()
    const listener = listeners.get(channel)
    if (listener === undefined) return
    const seq = seqOf(payload)
    if (seq !== PASSING && listener.isNews?.(seq) === false) return
    const decoded = decode(payload)
    if (Option.isNone(decoded)) return
    // Only on the channels of release 1.0 may a payload come without an epoch.
    const published = decoded.value.epoch
    const mayLackEpoch = channel === names.olderOf(listener.userId)
    if (published !== listener.epoch && !(published === undefined && mayLackEpoch)) return
    const { event, head, signature } = decoded.value
    const signed = { userId: listener.userId, head, frame: event.frame }
    const isGenuine = signature !== undefined && verify(epoch.busKey(), signature, signed)
    if (!isGenuine) return event.seq === PASSING ? undefined : listener.onClaim?.(event.seq)
    if (event.seq === PASSING) listener.onPassing?.(event.frame)
    else listener.onEvent(event)
  }
  const messages = sharded ? "smessageBuffer" : "messageBuffer"
  yield* Effect.acquireRelease(
    Effect.sync(() => subscriber.on(messages, onMessage)),
    () => Effect.sync(() => subscriber.off(messages, onMessage))
  )

  // One SUBSCRIBE and one UNSUBSCRIBE a turn of the event loop. A channel may be in both batches: whether it has a listener when the
  // batch is flushed decides. A command that fails is repeated at the next recovery.
  const batches = commandBatches(subscriber)
  const subscribeSoon = batches.batched(async (_, channels: ReadonlyArray<string>) => {
    const wanted = channels.filter((channel) => listeners.has(channel))
    if (sharded) await Promise.all(wanted.map((channel) => subscriber.ssubscribe(channel)))
    else if (wanted.length > 0) {
      // In the same command, so that no connection ever has the channel of a user without it.
      const ofNodes = new Set(wanted.map((channel) => names.ofNodes(listeners.get(channel)!.epoch)))
      await subscriber.subscribe(...ofNodes, ...wanted)
      countFromNow(ofNodes)
    }
    return channels
  })
  const unsubscribeSoon = batches.batched(async (_, channels: ReadonlyArray<string>) => {
    const unwanted = channels.filter((channel) => !listeners.has(channel))
    if (sharded) await Promise.all(unwanted.map((channel) => subscriber.sunsubscribe(channel)))
    else if (unwanted.length > 0) await subscriber.unsubscribe(...unwanted)
    return channels
  })
  /** Subscribes, and answers whether Redis has confirmed all of it. */
  const unconfirmed = new Set<string>()
  const subscribeTo = (channels: ReadonlyArray<string>): Effect.Effect<boolean> =>
    Effect.suspend(() => {
      const subscribed = channels.map((channel) => listeners.get(channel))
      return Effect.tryPromise(() => Promise.all(channels.map(subscribeSoon))).pipe(
        Effect.map(() => {
          for (const listener of subscribed) if (listener !== undefined) listener.isConfirmed = true
          for (const channel of channels) unconfirmed.delete(channel)
          return true
        }),
        Effect.catch(() =>
          Effect.sync(() => {
            for (const channel of channels) unconfirmed.add(channel)
            return false
          })
        )
      )
    })
  let present = ""
  /** A new name at each recovery: Redis may hold a former connection, with its channels, for minutes after it is lost. */
  const renamePresent = Effect.map(Random.nextIntBetween(0, Number.MAX_SAFE_INTEGER), (random) => {
    if (present !== "") unsubscribeSoon(present).catch(() => {})
    present = `${prefix}present:${random.toString(36)}`
    for (const channel of counted.keys()) counted.set(channel, Infinity)
  })
  const subscribeToPresent = sharded
    ? Effect.void
    : Effect.tryPromise(() => batches.run(() => subscriber.subscribe(...counted.keys(), present))).pipe(
        Effect.tap(() => Effect.sync(() => countFromNow(counted.keys()))),
        Effect.ignore
      )
  /** Waits until no other node takes itself for alone any more in an epoch in which this one has subscribed. */
  const untilOthersKnow = (inEpoch: string) =>
    Effect.suspend(() => {
      const left = (counted.get(names.ofNodes(inEpoch)) ?? -Infinity) + KNOWN_AFTER - performance.now()
      return left > 0 && left < Infinity ? Effect.sleep(left) : Effect.void
    })
  /** Lets what may have been missed be looked for, once what is committed from then on arrives. */
  const tellRecovered = Effect.suspend(() => untilOthersKnow(epoch.current())).pipe(
    Effect.andThen(PubSub.publish(recovered, undefined))
  )

  const redisRecovered = yield* redis.recoveries
  yield* renamePresent
  if (isUp()) yield* subscribeToPresent
  yield* PubSub.take(redisRecovered).pipe(
    Effect.andThen(renamePresent),
    Effect.andThen(
      Effect.suspend(() => Effect.forEach(Array.chunksOf(listeners.keys(), SUBSCRIBE_BATCH), subscribeTo))
    ),
    // Last, and only after all others: who finds it subscribed to knows that this node's other subscriptions are in force.
    Effect.tap((confirmed) => (confirmed.includes(false) ? Effect.void : subscribeToPresent)),
    Effect.andThen(tellRecovered),
    Effect.forever,
    Effect.forkScoped
  )

  const subscribe = (userId: UserId, subscriber: Subscriber): Effect.Effect<void, never, Scope.Scope> =>
    Effect.asVoid(
      Effect.acquireRelease(
        Effect.suspend(() => {
          const listener: Following = {
            userId,
            epoch: epoch.current(),
            isConfirmed: false,
            ...subscriber
          }
          const channels = [names.of(listener.epoch, userId)]
          if (olderNodes.run()) channels.push(names.olderOf(userId))
          for (const channel of channels) listeners.set(channel, listener)
          if (!isUp()) return Effect.succeed(listener)
          return subscribeTo(channels).pipe(
            Effect.andThen(untilOthersKnow(listener.epoch)),
            Effect.as(listener)
          )
        }),
        (listener) =>
          Effect.sync(() => {
            for (const channel of [names.of(listener.epoch, userId), names.olderOf(userId)]) {
              // A successor may have subscribed before this scope closed.
              if (listeners.get(channel) !== listener) continue
              listeners.delete(channel)
              unsubscribeSoon(channel).catch(() => {})
            }
          })
      )
    )

  // Redis may have been too slow to confirm a subscription, and not so slow as to be unavailable. It is repeated, and what was published
  // before it is looked for.
  yield* Effect.suspend(() => {
    const channels = [...unconfirmed].filter((channel) => listeners.has(channel))
    unconfirmed.clear()
    if (channels.length === 0 || !isUp()) return Effect.void
    return Effect.forEach(Array.chunksOf(channels, SUBSCRIBE_BATCH), subscribeTo).pipe(
      Effect.filterOrFail((confirmed) => !confirmed.includes(false)),
      Effect.andThen(subscribeToPresent),
      Effect.andThen(tellRecovered),
      Effect.ignore
    )
  }).pipe(Effect.repeat(atTicks(CHECK_INTERVAL)), Effect.forkScoped)

  // A node of release 1.0 may start beside this one, for example when an upgrade is rolled back: subscribe to its channels then.
  let subscribedOlder = olderNodes.run()
  yield* Effect.suspend(() => {
    const startsNow = olderNodes.run() && !subscribedOlder
    subscribedOlder = olderNodes.run()
    if (!startsNow) return Effect.void
    const channels = [...listeners.values()].map((listener) => {
      const channel = names.olderOf(listener.userId)
      listeners.set(channel, listener)
      return channel
    })
    return isUp()
      ? Effect.forEach(Array.chunksOf(channels, SUBSCRIBE_BATCH), subscribeTo, { discard: true })
      : Effect.void
  }).pipe(Effect.repeat(atTicks(CHECK_INTERVAL)), Effect.forkScoped)

  return {
    subscribe,
    /** The listener to a user's channel in the epoch in force, if this node subscribes to it. */
    find: (userId: UserId): Subscriber | undefined => listeners.get(names.of(epoch.current(), userId)),
    isSubscribed: (channel: string): boolean => listeners.has(channel),
    /** Whether Redis has confirmed the subscription to a user's channel in the epoch in force. */
    isConfirmed: (userId: UserId): boolean =>
      listeners.get(names.of(epoch.current(), userId))?.isConfirmed === true,
    /**
     * A channel that no event is published on. This node subscribes to it after all others, on the same connection: while it has a
     * subscriber, the confirmed subscriptions are in force.
     */
    present: (): string => present,
    /**
     * Whether another node has subscribed to the channel of any user in the epoch in force, now or since it started. The answer that there
     * is none holds for `ALONE_FOR` from when it was asked: a node that begins to subscribe waits longer before it reads the head of an
     * inbox, which then has what was committed meanwhile. What is missed all the same, as when a machine stood still, the sweep finds.
     */
    areOthers: async (connection: IORedis): Promise<boolean> => {
      const ofNodes = names.ofNodes(epoch.current())
      const isCounted = counted.has(ofNodes)
      const [, all, , own] = (await connection.pubsub("NUMSUB", ofNodes, present)) as ReadonlyArray<unknown>
      return Number(all) > (isCounted && Number(own) > 0 ? 1 : 0)
    },
    /** Yields each time that Redis recovered and all channels are subscribed to anew. */
    recoveries: PubSub.subscribe(recovered)
  }
})

/** How long a node waits after its first subscription, in milliseconds: longer than others take themselves for alone. */
const KNOWN_AFTER = ALONE_FOR + 50

/** How many channels are subscribed to at once when Redis has recovered. */
const SUBSCRIBE_BATCH = 1000

/** How often a node of release 1.0 is looked for. */
const CHECK_INTERVAL = Duration.millis(250)
