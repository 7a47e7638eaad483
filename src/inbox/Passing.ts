import { Context, Effect, Layer } from "effect"
import type { PassingFrame } from "../api/Protocol.ts"
import type { UserId } from "../domain/User.ts"
import { RedisBus } from "../redis/RedisBus.ts"

/** The bytes of a frame that has no number. It is encoded once, however many sockets get it. */
export const encodePassing = (frame: PassingFrame): Uint8Array => {
  const encoded: typeof PassingFrame.Encoded = frame
  return Buffer.from(JSON.stringify(encoded))
}

/**
 * Sends the frames that matter only now to sockets on all nodes: who types, how far the members of a group have read.
 *
 * Guarantees nothing: such a frame has no number and is not stored. It is lost when Redis loses it or is unavailable, and dropped
 * at a socket whose peer does not read. Sockets of version 1 get none.
 */
export class Passing extends Context.Service<
  Passing,
  {
    /** Sends a frame to the sockets that these users have now. Does not wait for a reply of Redis. */
    send(userIds: ReadonlyArray<UserId>, frame: PassingFrame): Effect.Effect<void>
  }
>()("minichat/inbox/Passing") {
  static readonly layer = Layer.effect(
    Passing,
    Effect.gen(function* () {
      const bus = yield* RedisBus
      return Passing.of({
        send: (userIds, frame) =>
          userIds.length === 0 ? Effect.void : bus.pass(userIds, frame.type, encodePassing(frame))
      })
    })
  )
}
