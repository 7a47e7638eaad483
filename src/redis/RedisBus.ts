import { Array, Context, Duration, Effect, Layer, Option, PubSub, Schedule, type Scope } from "effect"
import type { AddressedEvent, InboxEvent } from "../domain/Event.ts"
import type { UserId } from "../domain/User.ts"
import { Epoch } from "../Epoch.ts"
import { Metrics } from "../observability/Metrics.ts"
import { decode, headOf, PASSING } from "./BusPayload.ts"
import { type Followed, makeFollowers } from "./Followers.ts"
import { makeMemoryBus } from "./MemoryBus.ts"
import { OlderNodes } from "./OlderNodes.ts"
import {
  channelOf,
  PASS,
  PASS_BATCH,
  PUBLISH,
  type Publication,
  payloadOf,
  scriptArguments
} from "./Publications.ts"
import { Redis } from "./Redis.ts"
import { digestOf, makeVerify, sign } from "./Signatures.ts"

/** A local subscription to one channel. */
interface Listener {
  readonly userId: UserId
  readonly epoch: string
  readonly onEvent: (event: InboxEvent) => void
  readonly onPassing: ((frame: Uint8Array) => void) | undefined
  readonly onClaim: ((seq: number) => void) | undefined
}

/**
 * Publishes committed events to every node, so that they reach sockets at once.
 *
 * Guarantees nothing: an event may be lost, repeated or overtaken. That is harmless, because each subscriber compares the
 * event's number with the head of its inbox. Each payload is signed with a key that the database holds: one without a valid
 * signature, which anyone who reaches Redis can publish, shows nothing. The name of a channel holds the epoch, and so does each payload: channels of Redis
 * belong to no database of Redis, so that deployments on one server would else receive each other's events.
 */
export class RedisBus extends Context.Service<
  RedisBus,
  {
    /**
     * Publishes events, each to its user. Answers, in the same order, whether a node subscribes to that user; false when Redis
     * is unavailable. Takes 100 ms at the most.
     */
    publish(events: ReadonlyArray<AddressedEvent>): Effect.Effect<ReadonlyArray<boolean>>
    /**
     * Sends a frame that has no number to the sockets of users, once for all of them. Waits for no reply: the frame is lost when
     * Redis loses it. While Redis is unavailable it reaches the sockets of this node only.
     */
    pass(userIds: ReadonlyArray<UserId>, type: string, frame: Uint8Array): Effect.Effect<void>
    /**
     * Subscribes to a user's events, and to frames that have no number, until the scope closes. Answers once what is published
     * from now on arrives. While Redis is unavailable it answers at once, and subscribes when Redis has recovered. `onClaim` is
     * told the number of an event that is not signed, as nodes of release 1.1 and before publish it: the database knows whether
     * it is true.
     */
    subscribe(
      userId: UserId,
      onEvent: (event: InboxEvent) => void,
      onPassing?: (frame: Uint8Array) => void,
      onClaim?: (seq: number) => void
    ): Effect.Effect<void, never, Scope.Scope>
    /**
     * Whether a socket or a waiting poll, on any node, follows the inbox of each user. While Redis is unavailable, or does not answer
     * within 100 ms, only those of this node are known: `isComplete` is false.
     */
    followed(userIds: ReadonlyArray<UserId>): Effect.Effect<Followed>
    /** Yields each time that Redis recovered: events may have been lost before. */
    readonly recoveries: Effect.Effect<PubSub.Subscription<void>, never, Scope.Scope>
    isUp(): boolean
  }
>()("minichat/bus/RedisBus") {
  static readonly layer = Layer.effect(
    RedisBus,
    Effect.gen(function* () {
      const redis = yield* Redis
      const { batched, start: startCommand, script, subscriber, sharded, isUp, prefix } = redis
      const epoch = yield* Epoch
      const olderNodes = yield* OlderNodes
      const listeners = new Map<string, Listener>()
      const recovered = yield* PubSub.sliding<void>({ capacity: 1 })
      const channelStart = (epoch: string) => `${prefix}${epoch}:user:`
      const currentChannelOf = (epoch: string, userId: UserId) =>
        channelOf({ channelStart: channelStart(epoch), userId })
      const olderChannelStart = `${prefix}user:`
      /** The channel of release 1.0. */
      const olderChannelOf = (userId: UserId) => channelOf({ channelStart: olderChannelStart, userId })

      const verify = makeVerify()
      const onMessage = (channelName: Buffer, payload: Buffer) => {
        const channel = channelName.toString()
        const listener = listeners.get(channel)
        if (listener === undefined) return
        const decoded = decode(payload)
        if (Option.isNone(decoded)) return
        // Only on the channels of release 1.0 may a payload come without an epoch.
        const published = decoded.value.epoch
        const mayLackEpoch = channel === olderChannelOf(listener.userId)
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

      // A command that fails here is one that the next recovery repeats.
      const subscribeTo = (channels: ReadonlyArray<string>) =>
        Effect.tryPromise(() =>
          sharded
            ? Promise.all(channels.map((channel) => subscriber.ssubscribe(channel)))
            : subscriber.subscribe(...channels)
        ).pipe(Effect.timeoutOption("100 millis"), Effect.ignore)

      const redisRecovered = yield* redis.recoveries
      yield* PubSub.take(redisRecovered).pipe(
        Effect.andThen(
          Effect.suspend(() =>
            Effect.forEach(Array.chunksOf(listeners.keys(), SUBSCRIBE_BATCH), subscribeTo, { discard: true })
          )
        ),
        Effect.andThen(PubSub.publish(recovered, undefined)),
        Effect.forever,
        Effect.forkScoped
      )

      const publishAll = script<ReadonlyArray<number>>(PUBLISH)
      const send = batched(async (redis, gathered: ReadonlyArray<ReadonlyArray<Publication>>) => {
        const publications = gathered.flat()
        const replies = sharded
          ? Promise.all(
              publications.map(
                (publication) =>
                  redis.spublish(channelOf(publication), payloadOf(publication)) as Promise<number>
              )
            )
          : Promise.all(scriptArguments(publications).map((args) => publishAll(redis, [], args)))
        const subscribers = (await replies).flat().values()
        return gathered.map((publications) => publications.map(() => subscribers.next().value!))
      })

      // The last event of each channel that Redis did not acknowledge, published again when Redis has recovered. This node may be
      // the only one that lost Redis: the others then sweep at the long interval only.
      const unpublished = new Map<string, Publication>()
      yield* Effect.suspend(() => {
        if (!isUp()) return Effect.void
        const late = [...unpublished]
        unpublished.clear()
        return Effect.forEach(
          late,
          ([channel, publication]) =>
            Effect.flatten(send([publication])).pipe(
              // Redis is unavailable again. A newer event of the channel moves the head past this one, too.
              Effect.catch(() =>
                Effect.sync(() => unpublished.has(channel) || unpublished.set(channel, publication))
              )
            ),
          { concurrency: PUBLISH_CONCURRENCY, discard: true }
        )
      }).pipe(Effect.repeat(Schedule.spaced(CHECK_INTERVAL)), Effect.forkScoped)

      const publish: RedisBus["Service"]["publish"] = (events) => {
        const inForce = epoch.current()
        const key = epoch.busKey()
        const publicationsFrom = (channelStart: string) =>
          events.map(
            ({ userId, event }): Publication => ({ channelStart, userId, event, epoch: inForce, key })
          )
        const publications = publicationsFrom(channelStart(inForce))
        if (olderNodes.run()) publications.push(...publicationsFrom(olderChannelStart))
        const publishLater = Effect.sync(() => {
          for (const publication of publications) {
            const channel = channelOf(publication)
            if (unpublished.has(channel) || unpublished.size < MAX_UNPUBLISHED)
              unpublished.set(channel, publication)
          }
          return events.map(({ userId, event }) => {
            // Sockets on this node do not wait for the sweep.
            listeners.get(currentChannelOf(inForce, userId))?.onEvent(event)
            return false
          })
        })
        return Effect.flatten(send(publications)).pipe(
          Effect.map((nodes) => events.map((_, i) => nodes[i]! + (nodes[i + events.length] ?? 0) > 0)),
          Effect.catch(() => publishLater)
        )
      }

      const passAll = script<null>(PASS)
      const passTo = (passed: ReadonlyArray<Passed>, start: string, frame: Uint8Array) =>
        startCommand<unknown>((redis) =>
          sharded
            ? Promise.all(
                passed.map(({ channel, signature }) =>
                  redis.spublish(channel, Buffer.concat([Buffer.from(`${start}${signature}\n`), frame]))
                )
              )
            : passAll(
                redis,
                [],
                [
                  start,
                  Buffer.concat([NEW_LINE, frame]),
                  ...passed.flatMap(({ channel, signature }) => [channel, signature])
                ]
              )
        )

      const pass: RedisBus["Service"]["pass"] = (userIds, type, frame) =>
        Effect.suspend(() => {
          const inForce = epoch.current()
          if (!isUp()) {
            for (const userId of userIds) listeners.get(currentChannelOf(inForce, userId))?.onPassing?.(frame)
            return Effect.void
          }
          const head = `${PASSING}${headOf({ ...NO_EVENT, type }, inForce)}`
          const [key, digest, bodyLength] = [epoch.busKey(), digestOf(frame), frame.length]
          const passed = userIds.map((userId) => ({
            channel: currentChannelOf(inForce, userId),
            signature: sign(key, { userId, head, frame, bodyLength }, digest)
          }))
          return Effect.forEach(
            Array.chunksOf(passed, PASS_BATCH),
            (some) => passTo(some, `${head} `, frame),
            { discard: true }
          )
        })

      const followed = makeFollowers(
        redis,
        (userId) => [
          currentChannelOf(epoch.current(), userId),
          ...(olderNodes.run() ? [olderChannelOf(userId)] : [])
        ],
        (channel) => listeners.has(channel)
      )

      const unsubscribeFrom = (channel: string) => {
        const done = sharded ? subscriber.sunsubscribe(channel) : subscriber.unsubscribe(channel)
        done.catch(() => {})
      }

      const subscribe: RedisBus["Service"]["subscribe"] = (userId, onEvent, onPassing, onClaim) =>
        Effect.asVoid(
          Effect.acquireRelease(
            Effect.suspend(() => {
              const listener = { userId, epoch: epoch.current(), onEvent, onPassing, onClaim }
              const channels = [currentChannelOf(listener.epoch, userId)]
              if (olderNodes.run()) channels.push(olderChannelOf(userId))
              for (const channel of channels) listeners.set(channel, listener)
              return Effect.as(isUp() ? subscribeTo(channels) : Effect.void, listener)
            }),
            (listener) =>
              Effect.sync(() => {
                for (const channel of [currentChannelOf(listener.epoch, userId), olderChannelOf(userId)]) {
                  // A successor may have subscribed before this scope closed.
                  if (listeners.get(channel) !== listener) continue
                  listeners.delete(channel)
                  unsubscribeFrom(channel)
                }
              })
          )
        )

      // A node of release 1.0 may start beside this one, as when an upgrade is taken back: subscribe to its channels then.
      let subscribedOlder = olderNodes.run()
      yield* Effect.suspend(() => {
        const startsNow = olderNodes.run() && !subscribedOlder
        subscribedOlder = olderNodes.run()
        if (!startsNow) return Effect.void
        const channels = [...listeners.values()].map((listener) => {
          const channel = olderChannelOf(listener.userId)
          listeners.set(channel, listener)
          return channel
        })
        return isUp()
          ? Effect.forEach(Array.chunksOf(channels, SUBSCRIBE_BATCH), subscribeTo, { discard: true })
          : Effect.void
      }).pipe(Effect.repeat(Schedule.spaced(CHECK_INTERVAL)), Effect.forkScoped)

      yield* (yield* Metrics).busUp(() => (isUp() ? 1 : 0))

      return RedisBus.of({
        publish,
        pass,
        followed,
        subscribe,
        recoveries: PubSub.subscribe(recovered),
        isUp
      })
    })
  )

  static readonly layerMemory = Layer.effect(RedisBus, Effect.map(makeMemoryBus, RedisBus.of))
}

/** How many channels' last events are kept while Redis is unavailable. The sweeps find the rest. */
const MAX_UNPUBLISHED = 10_000

/** How often what was not published is tried again, and how often a node of release 1.0 is looked for. */
const CHECK_INTERVAL = Duration.millis(250)

const PUBLISH_CONCURRENCY = 100

/** How many channels one SUBSCRIBE names. */
const SUBSCRIBE_BATCH = 1000

/** A user's channel, and the signature of a frame that is passed to it. */
interface Passed {
  readonly channel: string
  readonly signature: string
}

const NEW_LINE = Buffer.from("\n")

const NO_EVENT = { committedAt: undefined, traceparent: undefined }
