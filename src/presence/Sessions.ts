import { Clock, Context, DateTime, Duration, Effect, Layer, Option, PubSub } from "effect"
import { atTicks } from "../domain/Timing.ts"
import type { UserId } from "../domain/User.ts"
import { Epoch } from "../Epoch.ts"
import * as Nodes from "../redis/Nodes.ts"
import { OlderNodes } from "../redis/OlderNodes.ts"
import { Redis } from "../redis/Redis.ts"
import { NodeId } from "./NodeId.ts"
import { makeLocalTransitions, makeTransitions, type Transitions } from "./Transitions.ts"

const HEARTBEAT_INTERVAL = Duration.seconds(5)

/** Whether a user is online. */
export interface Presence {
  readonly connections: number
  /** The time of the look-up for an online user; else when its last socket closed, or when the node of that socket died. None when unknown. */
  readonly lastSeen: Option.Option<DateTime.Utc>
}

/** The presence of users, in the order in which they were asked for. */
export interface Survey {
  readonly presences: ReadonlyArray<Presence>
  /** False while Redis is unavailable: then only the sockets of this node are counted. */
  readonly isComplete: boolean
}

/**
 * Which users are online, on which nodes, with how many sockets each.
 *
 * Guarantee: the sessions of a dead node stop counting within 35 s. Sessions that Redis lost are written again within
 * 8 s. No call fails: while Redis is unavailable, a node counts its own sockets only.
 */
export class Sessions extends Context.Service<
  Sessions,
  {
    /** Sets how many sockets of the user this node has. */
    set(userId: UserId, connections: number): Effect.Effect<void>
    presence(userId: UserId): Effect.Effect<Presence>
    /** Deletes the sessions and the last seen of a user without sockets. Answers false while Redis is unavailable: not deleted. */
    forget(userId: UserId): Effect.Effect<boolean>
    /** The presence of several users, in one batch. */
    survey(userIds: ReadonlyArray<UserId>): Effect.Effect<Survey>
    /**
     * Calls `onTransition` until the scope closes: with `true` when a user's first socket on a node opened, with `false` when its
     * last one closed, on any node. A call may be lost, and the end of a killed node causes none.
     */
    readonly transitions: Transitions["listen"]
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
      yield* Effect.forkScoped(Effect.repeat(heartbeat, atTicks(HEARTBEAT_INTERVAL)))
      yield* Effect.addFinalizer(() =>
        Effect.ignore(
          run((redis) => Promise.all(prefixes().map((prefix) => redis.del(Nodes.keyOf(prefix, node)))))
        )
      )

      const recovered = yield* recoveries
      yield* Effect.forkScoped(
        Effect.forever(PubSub.take(recovered).pipe(Effect.andThen(heartbeat), Effect.andThen(writeAll)))
      )

      const transitions = yield* makeTransitions

      const forget = (userId: UserId) =>
        Effect.suspend(() => {
          closed.delete(userId)
          return run((redis) =>
            Promise.all(
              prefixes().flatMap((prefix) => [
                redis.del(sessionsOf(prefix, userId)),
                redis.del(lastSeenOf(prefix, userId))
              ])
            )
          )
        }).pipe(Effect.match({ onFailure: () => false, onSuccess: () => true }))

      const set = Effect.fnUntraced(function* (userId: UserId, connections: number) {
        const wasOnline = own.has(userId)
        const isOnline = connections > 0
        if (isOnline) {
          own.set(userId, connections)
          closed.delete(userId)
        } else {
          own.delete(userId)
          closed.set(userId, yield* Clock.currentTimeMillis)
        }
        yield* write(userId)
        if (isOnline !== wasOnline) yield* transitions.announce(userId, isOnline)
      })

      const lookAtAll = Effect.fnUntraced(function* (userIds: ReadonlyArray<UserId>) {
        const found = yield* run((redis) =>
          Promise.all(
            userIds.map((userId) =>
              Promise.all(
                prefixes().map(async (prefix) => {
                  const [sessions, lastSeen] = await Promise.all([
                    redis.hgetall(sessionsOf(prefix, userId)),
                    redis.get(lastSeenOf(prefix, userId))
                  ])
                  return { prefix, sessions, lastSeen }
                })
              )
            )
          )
        )
        const others = found.map((places) => {
          const byNode = new Map(
            places.flatMap(({ prefix, sessions }) =>
              Object.entries(sessions).map(
                ([id, count]) => [id, { key: Nodes.keyOf(prefix, id), count }] as const
              )
            )
          )
          byNode.delete(node)
          return [...byNode.values()]
        })
        const keys = [...new Set(others.flatMap((places) => places.map(({ key }) => key)))]
        const times = yield* run((redis) => Promise.all(keys.map((key) => redis.pttl(key))))
        const timesToLive = new Map(keys.map((key, i) => [key, times[i]!]))
        const now = yield* Clock.currentTimeMillis
        return userIds.map((userId, i) => {
          let connections = own.get(userId) ?? 0
          let latest = Math.max(...found[i]!.map(({ lastSeen }) => Number(lastSeen ?? 0)))
          for (const { key, count } of others[i]!) {
            const timeToLive = timesToLive.get(key)!
            if (Nodes.isAlive(timeToLive)) connections += Number(count)
            else if (timeToLive > 0) latest = Math.max(latest, now - (Nodes.REMEMBERED - timeToLive))
          }
          return toPresence(connections, latest, now)
        })
      })

      const survey = (userIds: ReadonlyArray<UserId>): Effect.Effect<Survey> =>
        lookAtAll(userIds).pipe(
          Effect.map((presences) => ({ presences, isComplete: true })),
          Effect.catch(() =>
            Effect.map(Clock.currentTimeMillis, (now) => ({
              presences: userIds.map((userId) => toPresence(own.get(userId) ?? 0, 0, now)),
              isComplete: false
            }))
          )
        )

      const presence = (userId: UserId) => Effect.map(survey([userId]), ({ presences }) => presences[0]!)

      return Sessions.of({ set, forget, presence, survey, transitions: transitions.listen })
    })
  )

  static readonly layerMemory = Layer.sync(Sessions, () => {
    const own = new Map<UserId, number>()
    const seen = new Map<UserId, number>()
    const transitions = makeLocalTransitions()
    const survey = (userIds: ReadonlyArray<UserId>) =>
      Effect.map(Clock.currentTimeMillis, (now) => ({
        presences: userIds.map((userId) => toPresence(own.get(userId) ?? 0, seen.get(userId) ?? 0, now)),
        isComplete: true
      }))
    return Sessions.of({
      set: (userId, connections) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          const wasOnline = own.has(userId)
          const isOnline = connections > 0
          if (isOnline) own.set(userId, connections)
          else {
            own.delete(userId)
            seen.set(userId, now)
          }
          return isOnline === wasOnline ? Effect.void : transitions.announce(userId, isOnline)
        }),
      forget: (userId) =>
        Effect.sync(() => {
          seen.delete(userId)
          return true
        }),
      presence: (userId) => Effect.map(survey([userId]), ({ presences }) => presences[0]!),
      survey,
      transitions: transitions.listen
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
