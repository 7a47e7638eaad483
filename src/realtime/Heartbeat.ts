import { Clock, Context, Duration, Effect, Layer } from "effect"
import { hasExpired } from "../access/Tokens.ts"
import { CloseCode } from "../api/CloseCode.ts"
import { atTicks } from "../domain/Timing.ts"
import type { Connection } from "./Connection.ts"

/** How often each socket is checked. */
const TICK = Duration.seconds(1)

/** How often a peer is pinged. In ticks. */
const PING_EVERY = 25

/** How long a peer may take to answer a ping. In ticks. */
const PONG_WITHIN = 8

interface Beat {
  /** The tick of the last ping; of the registration before there was one. */
  pingedAt: number
  /** How many pongs the peer had sent before the last ping; none when no pong is due. */
  pongsBefore: number | undefined
}

/** Destroys the connections whose peer does not answer pings, and closes the sockets whose token expired. */
export class Heartbeat extends Context.Service<
  Heartbeat,
  {
    /**
     * Pings the peer of a connection every 25 seconds until the connection is closed, and destroys the connection
     * 8 seconds after a ping that got no pong. Closes it with 4001 within a second after its token expired.
     */
    watch(connection: Connection): void
  }
>()("minichat/realtime/Heartbeat") {
  static readonly layer = Layer.effect(
    Heartbeat,
    Effect.gen(function* () {
      const beats = new Map<Connection, Beat>()
      let tick = 0

      const beatAll = Effect.map(Clock.currentTimeMillis, (now) => {
        tick++
        for (const [connection, beat] of beats) {
          // Removed here and not by a finalizer, which takes 670 bytes of heap a socket (bench/README.md, "What comments quote").
          if (connection.webSocket.isClosed) {
            beats.delete(connection)
            continue
          }
          if (hasExpired(connection.credential, now)) connection.close(CloseCode.unauthorized)
          beatOne(connection, beat, tick)
        }
      })
      yield* Effect.forkScoped(Effect.repeat(beatAll, atTicks(TICK)))

      return Heartbeat.of({
        watch: (connection) => {
          beats.set(connection, { pingedAt: tick, pongsBefore: undefined })
        }
      })
    })
  )
}

const beatOne = ({ webSocket }: Connection, beat: Beat, tick: number) => {
  if (webSocket.isStalled || webSocket.isPaused) {
    // The ping is queued behind bytes that the peer has not read, or the pong behind bytes that this node has not.
    // No pong can be due then: the slow reader's timeout judges the peer, and a ping follows once both sides read.
    beat.pingedAt = tick
    beat.pongsBefore = undefined
  } else if (tick - beat.pingedAt >= PING_EVERY) {
    beat.pingedAt = tick
    beat.pongsBefore = webSocket.pongs
    if (webSocket.isOpen) webSocket.ping()
  } else if (webSocket.pongs === beat.pongsBefore && tick - beat.pingedAt >= PONG_WITHIN) {
    webSocket.terminate()
  }
}
