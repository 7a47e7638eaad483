import { Duration, Effect, Schedule } from "effect"
import type { Counted } from "./Routes.ts"

const TICK = Duration.seconds(1)

interface Watched {
  bytesRead: number
  bytesWritten: number
  /** For how many ticks an answer is due; 0 when none is. */
  dueFor: number
}

export interface WatchedSockets {
  /** Opens a connection to the server. */
  readonly open: () => Counted
  /** Ends every connection: a new one may lead to a better server. */
  readonly retire: () => void
  /** Runs something during which an answer may take as long as it likes. The kernel's keep-alive still ends dead connections. */
  readonly patiently: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

/**
 * TCP connections of a pool, each ended when the server leaves what was written to it unanswered for `patience`. A network that
 * drops packets without a word, or a proxy, else keeps a pool on connections that answer nothing: a pipelined statement that is
 * given up leaves its connection as it is. Looked at by the second, by the counters of the socket, so a statement costs nothing.
 * `location` is what messages call the server. Scoped.
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
  }).pipe(Effect.repeat(Schedule.spaced(TICK)), Effect.forkScoped)

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
