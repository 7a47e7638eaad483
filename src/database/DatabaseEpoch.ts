import { Duration, Effect, Layer } from "effect"
import { atTicks } from "../domain/Timing.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import { afterEachChange, Epoch, makeState } from "../Epoch.ts"
import { Database } from "./Database.ts"
import { DatabaseStartError } from "./DatabaseStartError.ts"

/** How often the epoch is read. */
const READ_EVERY = Duration.seconds(2)

/** The epoch of the database and the key of its nodes, read at the start and every two seconds. */
export const layer = Layer.effect(
  Epoch,
  Effect.gen(function* () {
    const { pipeline: sql, writes, inPipeline, orUnavailable, currentEpoch } = yield* Database
    let busKey: Uint8Array = new Uint8Array()
    const read = inPipeline(
      sql<{ readonly epoch: string; readonly key: Uint8Array }>`
        SELECT ${currentEpoch} AS epoch, key FROM bus_key`.pipe(
        Effect.map(([row]) => {
          // The same object while it is the same key: what is derived from it is kept with it.
          if (!Buffer.from(busKey).equals(row!.key)) busKey = row!.key
          return row!.epoch
        })
      )
    )
    const state = yield* makeState(yield* Effect.mapError(read, notRead))

    yield* read.pipe(
      Effect.map(state.observe),
      Effect.ignoreCause,
      Effect.repeat(atTicks(READ_EVERY)),
      Effect.forkScoped
    )

    yield* afterEachChange(
      state,
      Effect.suspend(() => Effect.logError(`${CHANGED}, epoch ${state.current()}`))
    )

    const renew = Effect.fn("Epoch.renew")(function* (seen: string) {
      yield* orUnavailable(
        // Of two nodes that begin one at the same moment, the second finds another generation than it read.
        writes`UPDATE deployment SET generation = generation + 1
          WHERE ${currentEpoch} = ${seen} AND generation = (SELECT generation FROM deployment)`
      )
      state.observe(yield* read)
    })

    return Epoch.of({ ...state, busKey: () => busKey, renew })
  })
)

const CHANGED =
  "The database has another history: it was restored, or a standby took over. Sockets are closed, and clients that come back load anew"

const notRead = ({ cause }: Unavailable) =>
  new DatabaseStartError({ message: "The epoch could not be read from the database", cause })
