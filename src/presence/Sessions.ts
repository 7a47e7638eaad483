import { Clock, Context, DateTime, Duration, Effect, Layer, Option, PubSub, Schedule } from "effect"
import type { UserId } from "../domain/User.ts"
import { Epoch } from "../Epoch.ts"
import * as Nodes from "../redis/Nodes.ts"
import { OlderNodes } from "../redis/OlderNodes.ts"
import { Redis } from "../redis/Redis.ts"
import { NodeId } from "./NodeId.ts"

const HEARTBEAT_INTERVAL = Duration.seconds(5)

/** Whether a user is online. */
export interface Presence {
  readonly connections: number
  /** Now for an online user; else when its last socket closed, or when the node of that socket died. None when neither is known. */
  readonly lastSeen: Option.Option<DateTime.Utc>
}

/**
 * Which users are online, on which nodes, with how many sockets each.
 *
 * Guarantee: the sessions of a dead node stop counting within 35 s. Sessions that Redis lost are written again within
 * 5 s. No call fails: while Redis is unavailable, a node counts its own sockets only.
 */
export class Sessions extends Context.Service<
  Sessions,
  {
    /** Sets how many sockets of the user this node has. */
    set(userId: UserId, connections: number): Effect.Effect<void>
    presence(userId: UserId): Effect.Effect<Presence>
  }
>()("minichat/presence/Sessions") {
  static readonly layer = Layer.effect(
    Sessions,
    Effect.gen(function* () {
      const { run, recoveries, prefix } = yield* Redis
      const epoch = yield* Epoch
      const olderNodes = yield* OlderNodes
      const node = yield* NodeId
      const own = new Map<UserId, number>()
      /** When the last socket of each user closed, in milliseconds, until Redis acknowledges it. */
      const closed = new Map<UserId, number>()
      const ownPrefix = () => `${prefix}${epoch.current()}:`
      /** The prefixes of the keys. Nodes of release 1.0 know no epochs: while one runs, each key is written without epoch, too. */
      const prefixes = () => (olderNodes.run() ? [ownPrefix(), prefix] : [ownPrefix()])
      const sessionsOf = (prefix: string, userId: UserId) => `${prefix}user:${userId}:sessions`
      const lastSeenOf = (prefix: string, userId: UserId) => `${prefix}user:${userId}:last_seen`

      /** Users whose last write Redis did not acknowledge. */
      const unacknowledged = new Set<UserId>()

      // Writes the state at the time of the write, not of the call: of two writes of a user, the last to run is then right.
      const write = Effect.fnUntraced(
        function* (userId: UserId) {
          const connections = own.get(userId)
          const closedAt = closed.get(userId)
          unacknowledged.add(userId)
          yield* run<ReadonlyArray<unknown>>((redis) =>
            Promise.all(
              prefixes().flatMap((prefix): ReadonlyArray<Promise<unknown>> => {
                const sessions = sessionsOf(prefix, userId)
                if (connections !== undefined) {
                  return [redis.hset(sessions, node, connections), redis.pexpire(sessions, Nodes.REMEMBERED)]
                }
                if (closedAt === undefined) return [redis.hdel(sessions, node)]
                const lastSeen = lastSeenOf(prefix, userId)
                return [redis.hdel(sessions, node), redis.set(lastSeen, closedAt, "PX", Nodes.REMEMBERED)]
              })
            )
          )
          // The state changed during this write: the call that changed it writes, and acknowledges, it.
          if (own.get(userId) !== connections || closed.get(userId) !== closedAt) return
          closed.delete(userId)
          unacknowledged.delete(userId)
        },
        (effect) => Effect.ignore(effect)
      )

      const writeEach = (userIds: Iterable<UserId>) =>
        Effect.forEach([...userIds], write, { concurrency: 100, discard: true })
      const writeAll = Effect.suspend(() => writeEach([...own.keys(), ...unacknowledged]))

      // A node's key that Redis no longer has means that Redis lost the node's sessions, too: write all of them again.
      const heartbeat = run((redis) =>
        Promise.all(
          prefixes().map((prefix) =>
            redis.set(Nodes.keyOf(prefix, node), "up", "PX", Nodes.REMEMBERED, "GET")
          )
        )
      ).pipe(
        Effect.flatMap((before) => (before.includes(null) ? writeAll : writeEach(unacknowledged))),
        Effect.ignore
      )
      yield* heartbeat
      yield* Effect.forkScoped(Effect.repeat(heartbeat, Schedule.spaced(HEARTBEAT_INTERVAL)))
      yield* Effect.addFinalizer(() =>
        Effect.ignore(
          run((redis) => Promise.all(prefixes().map((prefix) => redis.del(Nodes.keyOf(prefix, node)))))
        )
      )

      const recovered = yield* recoveries
      yield* Effect.forkScoped(
        Effect.forever(PubSub.take(recovered).pipe(Effect.andThen(heartbeat), Effect.andThen(writeAll)))
      )

      const set = Effect.fnUntraced(function* (userId: UserId, connections: number) {
        if (connections > 0) {
          own.set(userId, connections)
          closed.delete(userId)
        } else {
          own.delete(userId)
          closed.set(userId, yield* Clock.currentTimeMillis)
        }
        yield* write(userId)
      })

      const presence = Effect.fnUntraced(
        function* (userId: UserId) {
          const found = yield* run((redis) =>
            Promise.all(
              prefixes().map(async (prefix) => ({
                prefix,
                sessions: await redis.hgetall(sessionsOf(prefix, userId)),
                lastSeen: await redis.get(lastSeenOf(prefix, userId))
              }))
            )
          )
          const byNode = new Map(
            found.flatMap(({ prefix, sessions }) =>
              Object.entries(sessions).map(
                ([id, count]) => [id, { key: Nodes.keyOf(prefix, id), count }] as const
              )
            )
          )
          byNode.delete(node)
          const others = [...byNode.values()]
          const timesToLive = yield* run((redis) => Promise.all(others.map(({ key }) => redis.pttl(key))))
          const now = yield* Clock.currentTimeMillis
          let connections = own.get(userId) ?? 0
          let latest = Math.max(...found.map(({ lastSeen }) => Number(lastSeen ?? 0)))
          others.forEach(({ count }, i) => {
            const timeToLive = timesToLive[i]!
            if (Nodes.isAlive(timeToLive)) connections += Number(count)
            else if (timeToLive > 0) latest = Math.max(latest, now - (Nodes.REMEMBERED - timeToLive))
          })
          return toPresence(connections, latest, now)
        },
        (effect, userId) =>
          Effect.catch(effect, () =>
            Effect.map(Clock.currentTimeMillis, (now) => toPresence(own.get(userId) ?? 0, 0, now))
          )
      )

      return Sessions.of({ set, presence })
    })
  )

  static readonly layerMemory = Layer.sync(Sessions, () => {
    const own = new Map<UserId, number>()
    const seen = new Map<UserId, number>()
    return Sessions.of({
      set: (userId, connections) =>
        Effect.map(Clock.currentTimeMillis, (now) => {
          if (connections > 0) own.set(userId, connections)
          else {
            own.delete(userId)
            seen.set(userId, now)
          }
        }),
      presence: (userId) =>
        Effect.map(Clock.currentTimeMillis, (now) =>
          toPresence(own.get(userId) ?? 0, seen.get(userId) ?? 0, now)
        )
    })
  })
}

const toPresence = (connections: number, lastSeen: number, now: number): Presence => ({
  connections,
  lastSeen:
    connections > 0
      ? Option.some(DateTime.makeUnsafe(now))
      : Option.map(Option.liftPredicate((at: number) => at > 0)(lastSeen), DateTime.makeUnsafe)
})
