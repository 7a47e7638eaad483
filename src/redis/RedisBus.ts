import { Array, Context, Duration, Effect, Layer, type PubSub, type Scope } from "effect"
import type { AddressedEvent } from "../domain/Event.ts"
import { atTicks } from "../domain/Timing.ts"
import type { UserId } from "../domain/User.ts"
import { Epoch } from "../Epoch.ts"
import { Metrics } from "../observability/Metrics.ts"
import { makeAlone } from "./Alone.ts"
import { headOf, PASSING, textOf } from "./BusPayload.ts"
import { channelOf, makeChannels } from "./Channels.ts"
import { type Followed, makeCountSubscribers, makeFollowers } from "./Followers.ts"
import { makeListeners } from "./Listeners.ts"
import { makeMemoryBus } from "./MemoryBus.ts"
import { OlderNodes } from "./OlderNodes.ts"
import { PASS, PASS_BATCH, PUBLISH, type Publication, payloadOf, scriptArguments } from "./Publications.ts"
import { Redis } from "./Redis.ts"
import { digestOf, sign } from "./Signatures.ts"
import type { Subscriber } from "./Subscriber.ts"

/**
 * Publishes committed events to every node, so that they reach sockets at once.
 *
 * Guarantees nothing: an event may be lost, repeated or overtaken. That is harmless, because each subscriber compares the
 * event's number with the head of its inbox. Each payload is signed with a key that the database holds: anyone who reaches Redis can
 * publish one without a valid signature, and its frame reaches no socket. Channels and payloads hold the epoch: the channels of
 * Redis do not belong to one of its databases, so two deployments on one Redis would receive each other's events.
 */
export class RedisBus extends Context.Service<
  RedisBus,
  {
    /**
     * Publishes events, each to its user, as far as another node needs them: while no other one has subscribed to anybody, an event is
     * published only when this node subscribes to its user and has not delivered it; one that this node has delivered, only when another
     * subscribes to that user as well. Answers, in the same order, whether a node subscribes to that user; false when Redis is
     * unavailable. Takes 200 ms at the most.
     */
    publish(events: ReadonlyArray<AddressedEvent>): Effect.Effect<ReadonlyArray<boolean>>
    /**
     * Sends a frame that has no number to the sockets of users, once for all of them. Waits for no reply: the frame is lost when
     * Redis loses it. While Redis is unavailable it reaches the sockets of this node only.
     */
    pass(userIds: ReadonlyArray<UserId>, type: string, frame: Uint8Array): Effect.Effect<void>
    /**
     * Subscribes to a user's events, and to frames that have no number, until the scope closes. Answers once what is published
     * from now on arrives. While Redis is unavailable it answers at once, and subscribes when Redis has recovered.
     */
    subscribe(userId: UserId, subscriber: Subscriber): Effect.Effect<void, never, Scope.Scope>
    /**
     * Whether a node has the inbox of each user open: for a socket or a poll, which counts as such for two seconds after its answer. While
     * Redis is unavailable, or does not answer within 100 ms, only the inboxes of this node are known: `isComplete` is false.
     */
    followed(userIds: ReadonlyArray<UserId>): Effect.Effect<Followed>
    /** Yields each time that Redis recovered: events may have been lost before. */
    readonly recoveries: Effect.Effect<PubSub.Subscription<void>, never, Scope.Scope>
    isUp(): boolean
  }
>()("minichat/redis/RedisBus") {
  static readonly layer = Layer.effect(
    RedisBus,
    Effect.gen(function* () {
      const redis = yield* Redis
      const { batched, start: startCommand, script, sharded, isUp, prefix } = redis
      const epoch = yield* Epoch
      const olderNodes = yield* OlderNodes
      const listeners = yield* makeListeners
      const channels = makeChannels(prefix)

      const runPublish = script<ReadonlyArray<number>>(PUBLISH)
      const send = batched(async (redis, gathered: ReadonlyArray<ReadonlyArray<Publication>>) => {
        const publications = gathered.flat()
        const replies = sharded
          ? Promise.all(
              publications.map(
                (publication) =>
                  redis.spublish(channelOf(publication), payloadOf(publication)) as Promise<number>
              )
            )
          : Promise.all(scriptArguments(publications).map((args) => runPublish(redis, [], args)))
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
      }).pipe(Effect.repeat(atTicks(CHECK_INTERVAL)), Effect.forkScoped)

      const keep = (publications: ReadonlyArray<Publication>) => {
        for (const publication of publications) {
          const channel = channelOf(publication)
          if (unpublished.has(channel) || unpublished.size < MAX_UNPUBLISHED)
            unpublished.set(channel, publication)
        }
      }

      const scope = yield* Effect.scope
      const countSubscribers = makeCountSubscribers(redis)
      /** Answers for each channel that this node subscribes to whether another node may subscribe to it as well. */
      const askForOthers = batched(async (redis, gathered: ReadonlyArray<ReadonlyArray<string>>) => {
        // Counted last: while it has a subscriber, the subscriptions of this node were in force all the time. Else they are lost, and the
        // one subscriber of a channel may be another node.
        const counts = await countSubscribers(redis, [...gathered.flat(), listeners.present()])
        const arePresent = counts.at(-1)! > 0
        const each = counts.values()
        return gathered.map((channels) => channels.map(() => each.next().value! > 1 || !arePresent))
      })

      const sendUnawaited = (publications: ReadonlyArray<Publication>) =>
        Effect.forkIn(
          Effect.catch(Effect.flatten(send(publications)), () => Effect.sync(() => keep(publications))),
          scope,
          { startImmediately: true }
        )

      /**
       * Publishes what this node has delivered itself only to channels of other nodes: reading an event back takes as long as
       * sending it. A node that subscribes after the count reads the head of the inbox then, which has the event.
       */
      const publishToOthers = Effect.fnUntraced(function* (
        publications: ReadonlyArray<Publication>,
        isHere: ReadonlyArray<boolean>
      ) {
        const own = publications.filter((_, i) => isHere[i])
        const others = publications.filter((_, i) => !isHere[i])
        const asked = yield* askForOthers(own.map(channelOf))
        const sent = others.length === 0 ? Effect.succeed([]) : yield* send(others)
        // Without an answer in time they are sent all the same: Redis may only be late.
        const isWanted = yield* Effect.catch(asked, () => Effect.succeed(own.map(() => true)))
        const wanted = own.filter((_, i) => isWanted[i])
        // Nobody waits for the replies: that this node has the inboxes open is known.
        if (wanted.length > 0) yield* sendUnawaited(wanted)
        const nodes = (yield* sent).values()
        return isHere.map((here) => here || nodes.next().value! > 0)
      })

      const publicationsOf = (events: ReadonlyArray<AddressedEvent>): ReadonlyArray<Publication> => {
        const currentEpoch = epoch.current()
        const key = epoch.busKey()
        const from = (channelStart: string) =>
          events.map(
            ({ userId, event }): Publication => ({ channelStart, userId, event, epoch: currentEpoch, key })
          )
        const publications = from(channels.startOf(currentEpoch))
        return olderNodes.run() ? [...publications, ...from(channels.olderStart)] : publications
      }

      /** Tells the sockets of this node, which do not wait for Redis or the sweep. */
      const tellHere = (events: ReadonlyArray<AddressedEvent>) =>
        events.map(({ userId, event }) => {
          listeners.find(userId)?.onEvent(event)
          return false
        })

      // In a cluster channels have no server in common, and nodes of release 1.0 subscribe to other channels.
      const canAsk = () => !sharded && !olderNodes.run()

      const publishAll = (events: ReadonlyArray<AddressedEvent>): Effect.Effect<ReadonlyArray<boolean>> => {
        const publications = publicationsOf(events)
        const isHere = events.map(
          ({ userId, isDeliveredHere }) =>
            canAsk() && isDeliveredHere === true && listeners.isConfirmed(userId)
        )
        const published = isHere.includes(true)
          ? publishToOthers(publications, isHere)
          : Effect.map(Effect.flatten(send(publications)), (nodes) =>
              events.map((_, i) => nodes[i]! + (nodes[i + events.length] ?? 0) > 0)
            )
        return Effect.catch(published, () =>
          Effect.sync(() => {
            keep(publications)
            return tellHere(events)
          })
        )
      }

      const alone = yield* makeAlone(listeners.areOthers, canAsk)

      /** Publishes only what this node gets back itself: an event that it has not delivered yet, of an inbox that is open here. */
      const publishAlone = (events: ReadonlyArray<AddressedEvent>) => {
        const isHeard = events.map(
          ({ userId, isDeliveredHere }) => isDeliveredHere === true || listeners.find(userId) !== undefined
        )
        const late = events.filter(({ isDeliveredHere }, i) => isHeard[i] && isDeliveredHere !== true)
        return late.length === 0 ? Effect.succeed(isHeard) : Effect.as(publishAll(late), isHeard)
      }

      const publish: RedisBus["Service"]["publish"] = (events) =>
        Effect.suspend(() => {
          if (!alone.mayBe()) return publishAll(events)
          if (alone.isKnown()) return publishAlone(events)
          return Effect.matchEffect(alone.ask, {
            onSuccess: (isAlone) => (isAlone ? publishAlone(events) : publishAll(events)),
            // Redis may only be late, or refuse the question alone: nobody waits for it once more.
            onFailure: () => {
              alone.doubt()
              return Effect.map(sendUnawaited(publicationsOf(events)), () => tellHere(events))
            }
          })
        })

      const passAll = script<null>(PASS)
      const passTo = (passed: ReadonlyArray<Passed>, start: string, frame: string) =>
        startCommand<unknown>((redis) =>
          sharded
            ? Promise.all(
                passed.map(({ channel, signature }) =>
                  redis.spublish(channel, `${start}${signature}\n${frame}`)
                )
              )
            : passAll(
                redis,
                [],
                [start, `\n${frame}`, ...passed.flatMap(({ channel, signature }) => [channel, signature])]
              )
        )

      const pass: RedisBus["Service"]["pass"] = (userIds, type, frame) =>
        Effect.suspend(() => {
          const currentEpoch = epoch.current()
          if (!isUp()) {
            for (const userId of userIds) listeners.find(userId)?.onPassing?.(frame)
            return Effect.void
          }
          const head = `${PASSING}${headOf({ ...NO_EVENT, type }, currentEpoch)}`
          const [key, digest, bodyLength] = [epoch.busKey(), digestOf(frame), frame.length]
          const passed = userIds.map((userId) => ({
            channel: channels.of(currentEpoch, userId),
            signature: sign(key, { userId, head, frame, bodyLength }, digest)
          }))
          return Effect.forEach(
            Array.chunksOf(passed, PASS_BATCH),
            (some) => passTo(some, `${head} `, textOf(frame)),
            { discard: true }
          )
        })

      const followed = makeFollowers(
        redis,
        countSubscribers,
        (userId) => [
          channels.of(epoch.current(), userId),
          ...(olderNodes.run() ? [channels.olderOf(userId)] : [])
        ],
        listeners.isSubscribed
      )

      yield* (yield* Metrics).busUp(() => (isUp() ? 1 : 0))

      return RedisBus.of({
        publish,
        pass,
        followed,
        subscribe: listeners.subscribe,
        recoveries: listeners.recoveries,
        isUp
      })
    })
  )

  static readonly layerMemory = Layer.effect(RedisBus, Effect.map(makeMemoryBus, RedisBus.of))
}

/** How many channels' last events are kept while Redis is unavailable. The sweeps find the rest. */
const MAX_UNPUBLISHED = 10_000

/** How often unpublished events are published again. */
const CHECK_INTERVAL = Duration.millis(250)

const PUBLISH_CONCURRENCY = 100

/** A user's channel, and the signature of a frame that is passed to it. */
interface Passed {
  readonly channel: string
  readonly signature: string
}

const NO_EVENT = { committedAt: undefined, traceparent: undefined }
