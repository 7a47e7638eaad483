import { Array, Context, Duration, Effect, Layer, Random, Schedule, type Scope } from "effect"
import { AppConfig } from "../AppConfig.ts"
import { Disconnects } from "../access/Disconnects.ts"
import { OpenPlaces } from "../access/OpenPlaces.ts"
import { CloseCode, SUSPENDED } from "../api/CloseCode.ts"
import type { TooManyPlaces } from "../domain/Caller.ts"
import { monotonicMillis } from "../domain/Timing.ts"
import type { UserId } from "../domain/User.ts"
import { afterEachChange, Epoch } from "../Epoch.ts"
import { Lifecycle } from "../Lifecycle.ts"
import { Metrics } from "../observability/Metrics.ts"
import { Sessions } from "../presence/Sessions.ts"
import type { Connection } from "./Connection.ts"
import { serverFrame } from "./ServerFrames.ts"

/** A drain closes the sockets in batches of this size, so that their clients do not connect again all at once. */
const DRAIN_BATCH = 200

/** The window in which the sockets are closed when the epoch changed. */
const CLOSE_ALL_WITHIN = Duration.seconds(1)

/** How long a drain waits for the peers to answer the close frames of the last batch. */
const CLOSE_WITHIN = Duration.millis(1500)

/** Counts the sockets of this node, and closes them when the node stops or the history of the database changed. */
export class ConnectionRegistry extends Context.Service<
  ConnectionRegistry,
  {
    /**
     * Counts a socket until the scope closes. Fails when this node has `MAX_SOCKETS`, or the user `MAX_SOCKETS_PER_USER`
     * on all nodes together, with the long polls on this node. The sockets on other nodes are not counted for a user's first socket
     * on this node.
     */
    register(connection: Connection): Effect.Effect<void, TooManyPlaces, Scope.Scope>
    /** Sends every socket `reconnect` and closes it, in jittered batches within `window`. */
    drain(window: Duration.Duration): Effect.Effect<void>
    /**
     * Closes the sockets of these users with the code that `why` answers; a socket for which it answers none stays open. Costs
     * little when none of the users has a socket on this node.
     */
    closeOf(userIds: ReadonlyArray<UserId>, why: (connection: Connection) => CloseCode | undefined): void
    /** How many sockets are open. */
    readonly size: Effect.Effect<number>
  }
>()("minichat/realtime/ConnectionRegistry") {
  static readonly layer = Layer.effect(
    ConnectionRegistry,
    Effect.gen(function* () {
      const places = yield* OpenPlaces
      const sessions = yield* Sessions
      const metrics = yield* Metrics
      const epoch = yield* Epoch
      const disconnects = yield* Disconnects
      const connections = new Set<Connection>()

      yield* metrics.sockets(() => connections.size)
      yield* metrics.socketQueueBytes(() => {
        let bytes = 0
        for (const { webSocket } of connections) bytes += webSocket.queuedBytes
        return bytes
      })

      let draining = false

      // A user with a socket on this node may have more on other nodes. For a first socket that query is saved.
      const socketsElsewhere = (userId: UserId) =>
        places.socketsOf(userId) === 0
          ? Effect.succeed(0)
          : Effect.map(sessions.presence(userId), ({ connections }) =>
              Math.max(0, connections - places.socketsOf(userId))
            )

      const add = Effect.fnUntraced(function* (connection: Connection) {
        const { userId } = connection.inbox
        const elsewhere = yield* socketsElsewhere(userId)
        const here = yield* places.takeSocket(userId, elsewhere)
        connections.add(connection)
        // Its handshake began before the drain, or before the epoch changed.
        if (draining || connection.inbox.epoch !== epoch.current()) connection.close(CloseCode.restarting)
        // Its token was taken back during the handshake.
        if (disconnects.refuses(connection.credential)) connection.close(CloseCode.unauthorized)
        // Its inbox was still open for a socket from before the erasure.
        if (disconnects.isErased(userId)) connection.close(CloseCode.userNotFound)
        // Its handshake was accepted before this node learned of the suspension.
        if (disconnects.isSuspended(userId)) connection.close(SUSPENDED)
        yield* sessions.set(userId, here)
      })

      const remove = (connection: Connection) =>
        Effect.suspend(() => {
          const { userId } = connection.inbox
          connections.delete(connection)
          const here = places.releaseSocket(userId)
          const changed = sessions.set(userId, here)
          // The erasure may have finished on another node before this one closed the socket: the last seen would stay.
          return here === 0 && disconnects.isErased(userId)
            ? Effect.andThen(changed, sessions.forget(userId))
            : Effect.asVoid(changed)
        })

      const register: ConnectionRegistry["Service"]["register"] = (connection) =>
        Effect.asVoid(Effect.acquireRelease(add(connection), () => remove(connection)))

      const closeAll = Effect.fnUntraced(function* (spread: number) {
        const order = yield* Random.shuffle([...connections])
        if (order.length === 0) return
        const batches = Array.chunksOf(order, DRAIN_BATCH)
        const pause = batches.length === 1 ? 0 : Math.max(0, spread / batches.length)
        for (const batch of batches) {
          for (const connection of batch) {
            // The more sockets, the longer: about one client a millisecond connects to the other nodes.
            const after_ms = yield* Random.nextIntBetween(0, 500 + order.length)
            if (connection.isVersion2) connection.sendIfWritable(serverFrame({ type: "reconnect", after_ms }))
            connection.close(CloseCode.restarting)
          }
          yield* Effect.sleep(Duration.millis(pause * (yield* Random.nextBetween(0.5, 1))))
        }
      })

      const drain = Effect.fn("ConnectionRegistry.drain")(function* (window: Duration.Duration) {
        draining = true
        yield* closeAll(Duration.toMillis(window) - Duration.toMillis(CLOSE_WITHIN))
        yield* Effect.sync(() => connections.size === 0).pipe(
          Effect.repeat({ until: (isEmpty) => isEmpty, schedule: Schedule.spaced("20 millis") }),
          Effect.timeoutOption(CLOSE_WITHIN)
        )
      })

      // The numbers of the sockets belong to the former epoch. Their clients reconnect, and the `system` frame has the new one.
      yield* afterEachChange(epoch, closeAll(Duration.toMillis(CLOSE_ALL_WITHIN)))

      return ConnectionRegistry.of({
        register,
        drain,
        closeOf: (userIds, whyOf) => {
          const here = new Set(userIds.filter((userId) => places.socketsOf(userId) > 0))
          if (here.size === 0) return
          for (const connection of connections) {
            const why = here.has(connection.inbox.userId) ? whyOf(connection) : undefined
            if (why !== undefined) connection.close(why)
          }
        },
        size: Effect.sync(() => connections.size)
      })
    })
  )
}

/** The share of `DRAIN_TIMEOUT` that the sockets may take; the rest is for the requests in flight. */
const SOCKET_SHARE = 0.5

/**
 * Drains the sockets when the server stops, after `DRAIN_DELAY`. Until then the node serves, and `/readyz` answers 503, so that
 * balancers send it nothing more. This layer is built last, so that it is the first to stop.
 */
export const drainOnShutdown = Layer.effectDiscard(
  Effect.gen(function* () {
    const registry = yield* ConnectionRegistry
    const lifecycle = yield* Lifecycle
    const { drainDelay, drainTimeout } = yield* AppConfig
    const stopping = Effect.logInfo(
      `Stopping: /readyz is 503, and serving goes on for ${Duration.format(drainDelay)} (DRAIN_DELAY)`
    )
    yield* Effect.addFinalizer(() =>
      Effect.gen(function* () {
        if (!lifecycle.isLeaving() && Duration.isGreaterThan(drainDelay, Duration.zero)) yield* stopping
        // A worker began to leave at a message of its primary process, which signals the worker after the delay.
        const since = yield* lifecycle.leave
        const left = since + Duration.toMillis(drainDelay) - (yield* monotonicMillis)
        if (left > 0) yield* Effect.sleep(left)
        yield* lifecycle.drain
        const sockets = yield* registry.size
        yield* Effect.logInfo(
          `Draining: ${sockets} sockets are closed, and requests in flight finish, within ${Duration.format(drainTimeout)} (DRAIN_TIMEOUT)`
        )
        yield* registry.drain(Duration.times(drainTimeout, SOCKET_SHARE))
      })
    )
  })
)
