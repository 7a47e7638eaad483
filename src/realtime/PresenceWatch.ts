import { Effect, Schedule, Semaphore } from "effect"
import { Blocks } from "../chat/Blocks.ts"
import { Watches } from "../chat/Watches.ts"
import type { UserId } from "../domain/User.ts"
import type { Connection } from "./Connection.ts"
import { serverFrame } from "./ServerFrames.ts"

/** After how long a socket repeats the look-up of its user's blocks when the database did not answer. */
const RETRY = Schedule.spaced("1 second")

/**
 * Opens the watch of one socket, which ends when the scope closes. Returns a function that sets the watched users. Users whom the
 * socket's user has blocked are sent as offline; they are watched once the block is taken back.
 */
export const make = Effect.gen(function* () {
  const watches = yield* Watches
  const blocks = yield* Blocks

  return Effect.fnUntraced(function* (connection: Connection) {
    const watch = yield* watches.open(connection)
    // One look-up at a time, so that the latest answer wins.
    const oneByOne = yield* Semaphore.make(1)
    let wanted: ReadonlyArray<UserId> = []

    const apply = Effect.gen(function* () {
      const hidden = yield* blocks.hidden(connection.inbox.userId, wanted)
      yield* watch(wanted.filter((userId) => !hidden.has(userId)))
      for (const user_id of hidden) {
        yield* connection.sendWhenWritable(
          serverFrame({ type: "presence", user_id, online: false, last_seen: null })
        )
      }
    }).pipe(oneByOne.withPermits(1))

    connection.whenBlocksChange(Effect.ignore(Effect.retry(apply, RETRY)))
    return (userIds: ReadonlyArray<UserId>) =>
      Effect.suspend(() => {
        wanted = userIds
        return apply
      })
  })
})
