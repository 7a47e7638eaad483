import { Duration, Effect } from "effect"
import { atTicks } from "../domain/Timing.ts"
import type { Counted } from "./Routes.ts"

const TICK = Duration.seconds(1)

interface Watched {
  bytesRead: number
  bytesWritten: number
  /** How many seconds the server has owed an answer; 0 when it owes none. */
  dueFor: number
}

export interface WatchedSockets {
  /** Opens a connection to the server. */
  readonly open: () => Counted
  /** Ends every connection: a new connection may lead to a server that takes writes. */
  readonly retire: () => void
  /** Runs an effect without the limit of `patience`, for statements that take long. The kernel's keep-alive still ends dead connections. */
  readonly patiently: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

/**
 * TCP connections of a pool, each ended when the server leaves what was written to it unanswered for `patience`. Without this, a
 * pool would keep connections whose packets the network drops: a pipelined statement that times out does not close its connection.
 * The counters of each socket are compared every second, so a statement costs nothing more. `location` is what messages call the
 * server. Scoped.
 */
export const make = Effect.fnUntraced(function* (
  open: () => Counted,
  location: string,
  patience: Duration.Duration
) {
  const sockets = new Map<Counted, Watched>()
  const ticks = Math.ceil(Duration.toMillis(patience) / Duration.toMillis(TICK))

  let isPatient = false
  const setPatient = (value: boolean) => {
    isPatient = value
  }
  yield* Effect.sync(() => {
    if (isPatient) return
    for (const [socket, watched] of sockets) {
      const { bytesRead, bytesWritten } = socket
      if (bytesRead !== watched.bytesRead) watched.dueFor = 0
      else if (bytesWritten !== watched.bytesWritten || watched.dueFor > 0) watched.dueFor++
      watched.bytesRead = bytesRead
      watched.bytesWritten = bytesWritten
      if (watched.dueFor > ticks) {
        socket.destroy(new Error(`no answer from ${location} in ${Duration.format(patience)}`))
      }
    }
  }).pipe(Effect.repeat(atTicks(TICK)), Effect.forkScoped)

  const watched: WatchedSockets = {
    patiently: (effect) =>
      Effect.acquireUseRelease(
        Effect.sync(() => setPatient(true)),
        () => effect,
        () => Effect.sync(() => setPatient(false))
      ),
    open: () => {
      const socket = open()
      sockets.set(socket, { bytesRead: 0, bytesWritten: 0, dueFor: 0 })
      socket.once("close", () => sockets.delete(socket))
      return socket
    },
    retire: () => {
      for (const socket of sockets.keys()) socket.destroy(new Error(`${location} takes no writes`))
    }
  }
  return watched
})
