import { Array, Clock, Context, Duration, Effect, Layer, Random, Schedule, Schema, type Scope } from "effect"
import { AppConfig } from "../AppConfig.ts"
import { hasExpired } from "../access/Tokens.ts"
import { CloseCode } from "../api/CloseCode.ts"
import type { UserId } from "../domain/User.ts"
import { Lifecycle } from "../Lifecycle.ts"
import { Metrics } from "../observability/Metrics.ts"
import { Sessions } from "../presence/Sessions.ts"
import type { Connection } from "./Connection.ts"
import { serverFrame } from "./ServerFrames.ts"

const TICK = Duration.seconds(1)

/** A ping goes out this often; a peer that has not answered one within `PONG_WITHIN` is gone. In ticks. */
const PING_EVERY = 25
const PONG_WITHIN = 8

/** A drain closes the sockets in batches of this size, so that their clients do not come back all at once. */
const DRAIN_BATCH = 200

/** How long a drain waits for the peers to answer its last close frames. */
const CLOSE_WITHIN = Duration.millis(1500)

export class TooManySockets extends Schema.TaggedError<TooManySockets>()("TooManySockets", {}) {}

/** The sockets of this node. */
export class ConnectionRegistry extends Context.Service<
  ConnectionRegistry,
  {
    /**
     * Counts a socket until the scope closes. Fails when this node has too many, or the user, on all nodes together; a
     * user's first socket here is let in without asking the others.
     */
    register(connection: Connection): Effect.Effect<void, TooManySockets, Scope.Scope>
    /** Tells every socket to connect elsewhere and closes it, in jittered batches within `window`. */
    drain(window: Duration.Duration): Effect.Effect<void>
    /** How many sockets are open. */
    readonly size: Effect.Effect<number>
  }
>()("minichat/realtime/ConnectionRegistry") {
  static readonly layer = Layer.effect(
    ConnectionRegistry,
    Effect.gen(function* () {
      const { maxSockets, maxSocketsPerUser } = yield* AppConfig
      const sessions = yield* Sessions
      const metrics = yield* Metrics
      const connections = new Map<Connection, { pingedAt: number }>()
      const byUser = new Map<UserId, number>()

      const count = (userId: UserId, change: 1 | -1) => {
        const connected = (byUser.get(userId) ?? 0) + change
        if (connected === 0) byUser.delete(userId)
        else byUser.set(userId, connected)
        return sessions.set(userId, connected)
      }

      yield* metrics.sockets(() => connections.size)
      yield* metrics.socketQueueBytes(() => {
        let bytes = 0
        for (const connection of connections.keys()) bytes += connection.queuedBytes
        return bytes
      })

      let draining = false
      let tick = 0
      const heartbeat = Effect.map(Clock.currentTimeMillis, (now) => {
        tick++
        for (const [connection, state] of connections) {
          const { webSocket, credential } = connection
          if (hasExpired(credential, now)) connection.close(CloseCode.unauthorized)
          if (connection.stalled || webSocket.isPaused) {
            // A ping is stuck behind what the peer has not read yet, or its answer behind what this node has not.
            // How long that may last is for others to judge; the peer's time starts anew when it is over.
            state.pingedAt = tick
            webSocket.answered = true
          } else if (tick - state.pingedAt >= PING_EVERY) {
            state.pingedAt = tick
            webSocket.answered = false
            if (connection.isOpen) webSocket.ping()
          } else if (!webSocket.answered && tick - state.pingedAt >= PONG_WITHIN) {
            webSocket.terminate()
          }
        }
      })
      yield* Effect.forkScoped(Effect.repeat(heartbeat, Schedule.spaced(TICK)))

      // Who has a socket here may have others on other nodes: those count too, as far as this node can know.
      const socketsOf = (userId: UserId) =>
        byUser.has(userId)
          ? Effect.map(sessions.presence(userId), ({ connections }) => connections)
          : Effect.succeed(0)

      const add = Effect.fnUntraced(function* (connection: Connection) {
        const { userId } = connection.inbox
        const everywhere = yield* socketsOf(userId)
        const here = byUser.get(userId) ?? 0
        if (Math.max(everywhere, here) >= maxSocketsPerUser || connections.size >= maxSockets) {
          return yield* new TooManySockets()
        }
        connections.set(connection, { pingedAt: tick })
        // Its handshake was under way when the drain began.
        if (draining) connection.close(CloseCode.restarting)
        yield* count(userId, 1)
      })

      const remove = (connection: Connection) =>
        Effect.suspend(() => {
          connections.delete(connection)
          return count(connection.inbox.userId, -1)
        })

      const register: ConnectionRegistry["Service"]["register"] = (connection) =>
        Effect.asVoid(Effect.acquireRelease(add(connection), () => remove(connection)))

      const drain = Effect.fn("ConnectionRegistry.drain")(function* (window: Duration.Duration) {
        draining = true
        const order = yield* Random.shuffle([...connections.keys()])
        if (order.length === 0) return
        const batches = Array.chunksOf(order, DRAIN_BATCH)
        const spread = Duration.toMillis(window) - Duration.toMillis(CLOSE_WITHIN)
        const pause = batches.length === 1 ? 0 : Math.max(0, spread / batches.length)
        for (const batch of batches) {
          for (const connection of batch) {
            // One millisecond for each socket of the node spreads the comers over the nodes that are left.
            const after_ms = yield* Random.nextIntBetween(0, 500 + order.length)
            if (connection.isVersion2) connection.sendIfWritable(serverFrame({ type: "reconnect", after_ms }))
            connection.close(CloseCode.restarting)
          }
          yield* Effect.sleep(Duration.millis(pause * (yield* Random.nextBetween(0.5, 1))))
        }
        yield* Effect.sync(() => connections.size === 0).pipe(
          Effect.repeat({ until: (gone) => gone, schedule: Schedule.spaced("20 millis") }),
          Effect.timeoutOption(CLOSE_WITHIN)
        )
      })

      return ConnectionRegistry.of({
        register,
        drain,
        size: Effect.sync(() => connections.size)
      })
    })
  )
}

/** How much of the drain time the sockets may take; the rest is for the requests in flight. */
const SOCKET_SHARE = 0.5

/** Drains the sockets when the server stops. To be built last, so that it goes first. */
export const drainOnShutdown = Layer.effectDiscard(
  Effect.gen(function* () {
    const registry = yield* ConnectionRegistry
    const lifecycle = yield* Lifecycle
    const { drainTimeout } = yield* AppConfig
    yield* Effect.addFinalizer(() =>
      Effect.andThen(lifecycle.drain, registry.drain(Duration.times(drainTimeout, SOCKET_SHARE)))
    )
  })
)
