import { Clock, Effect, FiberSet } from "effect"
import type { ConversationId } from "../domain/ConversationId.ts"
import type { Connection } from "./Connection.ts"

/** How often a frame repeats that the user types, in milliseconds. */
const REPEAT = 2000

/** The server drops a begin within a second of the one before. The frame is sent a little later, as some travel faster than others. */
const AGAIN = 1100

interface Entry {
  /** When the last begin was sent. */
  begunAt: number
  /** `awaited`: the user types, and a frame will say so once the server takes it. */
  is: "typing" | "awaited" | "ended"
}

/** Tells the others that the user types, with as few frames as that needs. */
export const make = Effect.fnUntraced(function* ({ sendFrame }: Connection) {
  const fork = yield* FiberSet.makeRuntime<never>()
  const entries = new Map<number | undefined, Entry>()

  const send = (id: number, typing: boolean) =>
    sendFrame({ type: "typing", conversation_id: id as ConversationId, typing })

  const begin = (id: number, begunAt: number) => {
    entries.set(id, { begunAt, is: "typing" })
    return send(id, true)
  }

  const update = (id: number, typing: boolean) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const entry = entries.get(id)
      if (entry === undefined) return typing ? begin(id, now) : Effect.void
      const { is, begunAt } = entry
      if (!typing) {
        entry.is = "ended"
        return is === "typing" ? send(id, false) : Effect.void
      }
      const wait = begunAt - now + (is === "typing" ? REPEAT : AGAIN)
      if (wait <= 0) return begin(id, now)
      if (is === "ended") {
        entry.is = "awaited"
        fork(
          Effect.flatMap(Effect.delay(Clock.currentTimeMillis, wait), (then) =>
            entries.get(id) === entry && entry.is === "awaited" ? begin(id, then) : Effect.void
          )
        )
      }
      return Effect.void
    })

  return {
    update,
    /** The user has sent a message there, which ends the typing for the others: the next key begins it anew. */
    sent: (id: number | undefined) => {
      const entry = entries.get(id)
      if (entry !== undefined) entry.is = "ended"
    }
  }
})
