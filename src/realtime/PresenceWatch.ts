import { Effect, Schedule, Semaphore } from "effect"
import { Directory } from "../access/Directory.ts"
import { Blocks } from "../chat/Blocks.ts"
import { Watches } from "../chat/Watches.ts"
import type { UserId } from "../domain/User.ts"
import type { Connection } from "./Connection.ts"
import { serverFrame } from "./ServerFrames.ts"

/** After how long a socket repeats the look-up of whom its user may see when the database did not answer. */
const RETRY = Schedule.spaced("1 second")

/**
 * Opens the watch of one socket, which ends when the scope closes. Returns a function that sets the watched users. Users whom the
 * socket's user has blocked are sent as offline; they are watched once the block is taken back. So are users with whom it no longer
 * shares a conversation, where `USER_DIRECTORY` asks for one.
 */
export const make = Effect.gen(function* () {
  const watches = yield* Watches
  const blocks = yield* Blocks
  const directory = yield* Directory

  return Effect.fnUntraced(function* (connection: Connection) {
    const watch = yield* watches.open(connection)
    // One look-up at a time, so that the latest answer wins.
    const oneByOne = yield* Semaphore.make(1)
    let wanted: ReadonlyArray<UserId> = []
    let isDue = false

    const apply = Effect.gen(function* () {
      isDue = false
      const asked = wanted
      const seen = yield* directory.visible(connection.credential.caller, asked)
      const blocked = yield* blocks.hidden(connection.inbox.userId, seen)
      const shown = new Set(seen.filter((userId) => !blocked.has(userId)))
      yield* watch([...shown])
      for (const user_id of asked) {
        if (shown.has(user_id)) continue
        yield* connection.sendWhenWritable(
          serverFrame({ type: "presence", user_id, online: false, last_seen: null })
        )
      }
    }).pipe(oneByOne.withPermits(1))

    const applyLater = Effect.ignore(Effect.retry(apply, RETRY))
    connection.whenSightChanges((report) =>
      Effect.suspend(() => {
        // Many members may leave at once: a look-up that has yet to begin is enough for all.
        if (isDue || (report === "membership ended" && !directory.isByConversation)) return Effect.void
        isDue = true
        return applyLater
      })
    )
    return (userIds: ReadonlyArray<UserId>) =>
      Effect.suspend(() => {
        wanted = userIds
        return apply
      })
  })
})
